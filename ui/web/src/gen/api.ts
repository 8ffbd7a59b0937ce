// The REST API's types. Made by `make api-types` from the server's /openapi.json: not to be edited.
export interface AcknowledgeBodyBody {
  id: string
}
export interface AlertInfo {
  acknowledged: boolean
  active: boolean
  count: number
  first: number
  first_time: string
  id: string
  last: number
  last_time: string
  rule: string
  scope: string
  severity: 'note' | 'warning' | 'critical'
  text: string
}
export interface AlertList {
  alerts: AlertInfo[]
  revision: number
}
export interface Bounds {
  x0: number
  x1: number
  y0: number
  y1: number
}
export interface Catalogue {
  flow_columns: ColumnInfo[]
  kinds: KindInfo[]
  /** names of the values of the column reason */
  reasons: string[]
  rules: Rule[]
  sources: Source[]
  version: string
}
export interface ColumnInfo {
  derived: boolean
  name: string
  /** stored integer ÷ 10^places is in the unit */
  places: number
  unit: string
}
export interface CommandBody {
  /** a factor, instead of a value */
  multiply?: number | boolean | string
  setting: string
  /** path of a member or a community */
  target: string
  /** step it is for; the next one if left out */
  tick?: number
  /** in the setting's unit; a word where it is a choice; true or false */
  value?: number | boolean | string
  /** the same as a word in value */
  word?: string
}
export interface CommandInfo {
  /** set, multiply, or another command that the twin takes: it has no setting */
  name: string
  /** the Idempotency-Key came before: nothing more was done */
  repeated: boolean
  seq: number
  setting: string
  target: string
  tick: number
  /** in the setting's unit, or the factor */
  value: number
}
export interface CommandPage {
  /** newest first */
  commands: CommandInfo[]
  next: string
}
export interface CommunityInfo {
  id: string
  index: number
  /** null: none */
  limit_w: number | null
  /** of these, by kind */
  members: Record<string, number>
  path: string
  r: number
  tiles: number[]
  /** that are there: a prepared one does not count unless it has been put in */
  twins: number
  x: number
  y: number
}
export interface Comparison {
  a: string
  b: string
  /** null: none so far */
  first_difference: number | null
  from: number
  series: Pair[]
  to: number
  totals: TotalOf[]
}
export interface DecisionInfo {
  curtailed_w: number
  path: string
  /** what was asked of it instead of its reference */
  power_w: number
  reason: string
  shifted_w: number
  tick: number
  time: string
  unserved_w: number
}
export interface DecisionList {
  decisions: DecisionInfo[]
  next: string
}
export interface ErrorDetail {
  /** Where the error occurred, e.g. 'body.items[3].tags' or 'path.thing-id' */
  location?: string
  /** Error message text */
  message?: string
  /** The value at the given location */
  value?: unknown
}
export interface ErrorModel {
  /** A human-readable explanation specific to this occurrence of the problem. */
  detail?: string
  /** Optional list of individual error details */
  errors?: ErrorDetail[]
  /** A URI reference that identifies the specific occurrence of the problem. */
  instance?: string
  /** HTTP status code */
  status?: number
  /** A short, human-readable summary of the problem type. This value should not change between occurrences of the error. */
  title?: string
  /** A URI reference to human-readable documentation for the error. */
  type?: string
}
export interface EventInfo {
  fields: Record<string, number>
  path: string
  tick: number
  time: string
  type: string
}
export interface EventList {
  events: EventInfo[]
  next: string
}
export interface ForkInputBody {
  /** step from which on the changes hold */
  at: number
  name?: string
  /** changes as in --set: producers.coal-1.available=false */
  set: string[] | null
}
export interface GaugeInfo {
  label: string
  /** of a home's device DEVICE.NAME */
  name: string
  /** the value in words; empty where it is null */
  text: string
  unit: string
  /** null where it has none in this step, or is not known */
  value: number | null
}
export interface GaugeKind {
  label: string
  name: string
  /** stored integer ÷ 10^places is in the unit */
  places: number
  unit: string
  /** names of the values 0, 1, …, where it is a state */
  words: string[]
}
export interface KindInfo {
  columns: ColumnInfo[]
  /** figures beside the columns that a twin of the kind may have; those of a home's devices as DEVICE.NAME */
  gauges: GaugeKind[]
  label: string
  name: string
  ownable: boolean
  plural: string
  /** one may be prepared: not there until it is put in */
  prepares: boolean
  role: 'load' | 'storage' | 'producer' | 'tie' | 'node'
  settings: SettingInfo[]
}
export interface Line {
  community: string
  x: number[]
  y: number[]
}
export interface Pair {
  a: SeriesOf
  b: SeriesOf
  name: string
  unit: string
}
export interface PartInfo {
  /** it generates, and is prepared: its scale is 0 until it is put on */
  absent: boolean
  name: string
  power_w: number
}
export interface PlantInfo {
  /** from stopping until it is cold */
  cold_after_s: number
  /** the first step in which its output is free again; null if it is not fixed */
  fixed_until: number | null
  /** at which its output is fixed; null if it is not */
  fixed_w: number | null
  /** how cold it has become; empty unless it is off */
  heat: '' | 'hot' | 'warm' | 'cold'
  /** from stopping until it may be ordered to start */
  min_down_s: number
  /** from starting until it may be stopped except in an emergency */
  min_up_s: number
  /** over every plan; auto: as the plan has it */
  ordered: 'auto' | 'run' | 'stop'
  /** on or off since then; starting: ready then */
  since: number | null
  /** of its rating, sold to the market */
  sold_share: number
  start_cold_s: number
  start_hot_s: number
  /** from an order to start until it generates, in that heat; null unless it is off */
  start_s: number | null
  start_warm_s: number
  /** the first step in which it can be ordered to start, if that is to come */
  startable: number | null
  /** the step in which it feeds in, of one that starts; null unless it starts */
  starts_until: number | null
  state: 'off' | 'starting' | 'on'
  /** the first step in which it has run for its least time, if that is to come */
  stoppable: number | null
  /** from stopping until it is warm, no longer hot */
  warm_after_s: number
}
export interface Production {
  /** quarter hours of which it is known how far off their forecasts were */
  forecast_judged: number
  /** so many are needed for a band around the forecast */
  forecast_needs: number
  from: number
  /** oldest step that is held */
  held_from: number
  path: string
  /** there were more than two values a pixel */
  reduced: boolean
  series: SeriesOf[]
  start_unix_s: number
  step_s: number
  /** the first step after the window */
  to: number
}
export interface Rule {
  rule: string
  severity: 'note' | 'warning' | 'critical'
  text: string
}
export interface RunInfo {
  /** step from which on it differs from its parent */
  at: number
  /** once the run is over */
  digest: string
  error: string
  first: number
  id: string
  name: string
  parent: string
  set: string[]
  state: 'paused' | 'live' | 'ended' | 'failed' | 'replay'
  steps: number
  tick: number
}
export interface RunList {
  runs: RunInfo[]
}
export interface ScenarioInfo {
  description: string
  events: CommandInfo[]
  file: string
  hosting: string
  /** that are there at the start, by kind */
  members: Record<string, number>
  name: string
  /** that are not, and can be put in while it runs */
  prepared: Record<string, number>
  seed: number
  start: string
  step_s: number
  steps: number
  zone: string
}
export interface SeekBodyBody {
  /** steps that are to have been made */
  tick: number
}
export interface Series {
  from: number
  /** oldest step that is held */
  held_from: number
  path: string
  /** there were more than two values a pixel */
  reduced: boolean
  series: SeriesOf[]
  start_unix_s: number
  step_s: number
  /** the first step after the window */
  to: number
}
export interface SeriesOf {
  label: string
  name: string
  places: number
  /** ticks */
  t: number[]
  unit: string
  /** values, null is a gap */
  v: (number | null)[]
}
export interface SettingInfo {
  boolean: boolean
  max: number
  min: number
  name: string
  places: number
  unit: string
  /** names of the values 0, 1, …, where it is a choice */
  words: string[]
  /** what 0 stands for where it is no quantity, such as none; empty elsewhere */
  zero: string
}
export interface Source {
  kind: string
  label: string
  name: string
}
export interface SpeedBodyBody {
  /** as fast as it goes */
  max?: boolean
  /** simulated seconds per second */
  speed?: number
}
export interface State {
  /** open ones that nobody has acknowledged */
  alerts: number
  /** once the run is over */
  digest: string
  end: string
  /** of a failed run; of another one what it waits for, such as room on the disk */
  error: string
  /** oldest step that is held */
  first: number
  frames_conflated: number
  frames_sent: number
  /** at the end of the latest step; null where nobody holds it */
  frequency_hz: number | null
  /** greatest inside it */
  frequency_max_hz: number | null
  /** least inside it */
  frequency_min_hz: number | null
  /** as fast as it goes */
  max: boolean
  /** steps are made, or shown */
  playing: boolean
  reached: number
  /** of the latest step, in milliwatts: 0, or energy was lost or made */
  residual_mw: number
  run: string
  scenario: string
  seed: number
  /** asked, simulated seconds per second; the one before if max */
  speed: number
  start: string
  state: 'paused' | 'live' | 'ended' | 'failed' | 'replay'
  step_s: number
  steps: number
  steps_per_s: number
  /** steps made */
  tick: number
  /** start of the next step */
  time: string
  viewers: number
  zone: string
}
export interface StepBodyBody {
  /** how many; 1 if left out */
  steps?: number
  /** to the next notable event or alert */
  until?: 'event'
}
export interface TileBlockInfo {
  /** index into the tree's communities */
  community: number[]
  kind: string
  /** row in owner_block, -1 if it is the community's own */
  owner: number[]
  /** block of this tile in which owners stand, -1 if nobody here is owned */
  owner_block: number
  /** names of each one's devices */
  parts: string[][]
  paths: string[]
  /** rows of those that are prepared: not there in a step in which they hold nothing and neither draw nor give */
  prepared: number[]
  x: number[]
  y: number[]
}
export interface TileInfo {
  /** in the order of Frame.blocks */
  blocks: TileBlockInfo[]
  communities: string[]
  lines: Line[]
  tile: number
  version: string
}
export interface TotalOf {
  a: number
  b: number
  /** b − a */
  difference: number
  name: string
}
export interface Tree {
  bounds: Bounds
  communities: CommunityInfo[]
  lines: Line[]
  version: string
}
export interface TwinInfo {
  /** it is prepared, and not there in this step */
  absent: boolean
  alerts: AlertInfo[]
  /** at most 1,000 */
  children: string[]
  /** of a home's children those that are prepared, and not there in this step */
  children_absent: string[]
  children_total: number
  community: string
  /** about it, newest first, at most 20 */
  decisions: DecisionInfo[]
  /** figures that its kind, or a device of it, has beside the columns */
  gauges: GaugeInfo[]
  kind: string
  label: string
  /** why parts and gauges of this step are not known; empty where they are */
  not_computed: string
  /** it was out of service in this step, or not put in yet */
  out: boolean
  owner: string
  parent: string
  /** its devices; empty where not_computed says why */
  parts: PartInfo[]
  path: string
  /** of one that can be started and stopped */
  plant?: PlantInfo
  /** null before the first step */
  reading: Record<string, number> | null
  role: string
  settings: TwinSetting[]
  /** its entry in the scenario */
  spec: Record<string, unknown>
  /** step of the reading, -1 before the first */
  tick: number
  /** -1 for a community and the grid */
  tile: number
  /** of a vehicle */
  vehicle?: VehicleInfo
  x: number
  y: number
}
export interface TwinList {
  /** cursor of the next page, empty at the end */
  next: string
  /** step of the values, -1 before the first */
  tick: number
  total: number
  twins: TwinRow[]
}
export interface TwinRow {
  /** it is prepared, and not there in this step */
  absent: boolean
  community: string
  kind: string
  owner: string
  path: string
  tile: number
  values: Record<string, number>
  x: number
  y: number
}
export interface TwinSetting {
  boolean: boolean
  max: number
  min: number
  name: string
  places: number
  unit: string
  /** null: none, or not known */
  value: number | null
  /** name of the value, where it is a choice */
  word: string
  /** names of the values 0, 1, …, where it is a choice */
  words: string[]
  /** what 0 stands for where it is no quantity, such as none; empty elsewhere */
  zero: string
}
export interface UnitInfo {
  community: string
  kind: string
  /** it was out of service in this step */
  out: boolean
  path: string
  /** of one that can be started and stopped */
  plant?: PlantInfo
  /** null before the first step */
  reading: Record<string, number> | null
  role: string
  settings: TwinSetting[]
}
export interface UnitList {
  /** cursor of the next page, empty at the end */
  next: string
  /** step of the values, -1 before the first */
  tick: number
  total: number
  /** by kind, then by path */
  units: UnitInfo[]
}
export interface VehicleInfo {
  /** of what its next trip needs, what could not be charged in time from the start; null unless it is at the plug */
  impossible_wh: number | null
  /** the step in which it leaves, and by which it is to be ready; null unless it is at the plug */
  leaves: number | null
  /** what it asked for when it was plugged in, at the charger; null unless it is at the plug */
  needs_wh: number | null
  /** whether it left with what its trip needs; null unless it has left */
  ready: boolean | null
  /** the step in which it was plugged in, or left; null if that was before the run */
  since: number | null
  /** charging: it draws; waiting: it would draw and has been asked not to; plugged: neither */
  state: 'away' | 'plugged' | 'charging' | 'waiting'
}
/** Routes that read: what each takes and answers. */
export interface Gets {
  /** Alerts, a row for each cause */
  '/alerts': {
    query: {
      acknowledged?: 'true' | 'false'
      active?: 'true' | 'false'
      limit?: number
      /** the live run or a fork */
      run?: string
    }
    answer: AlertList
  }
  /** Kinds, columns, sources, rules */
  '/catalogue': {
    query: Record<never, never>
    answer: Catalogue
  }
  /** Commands that were taken, newest first */
  '/commands': {
    query: {
      cursor?: string
      limit?: number
      /** the live run or a fork */
      run?: string
    }
    answer: CommandPage
  }
  /** Two runs side by side */
  '/compare': {
    query: {
      a?: string
      b: string
      points?: number
    }
    answer: Comparison
  }
  /** Decisions with their reasons, newest first */
  '/decisions': {
    query: {
      cursor?: string
      from?: number
      limit?: number
      /** of a member, or of what is above it */
      path?: string
      reason?: string
      /** the live run or a fork */
      run?: string
      to?: number
    }
    answer: DecisionList
  }
  /** The whole grid as a table */
  '/download/grid.csv': {
    query: {
      from?: number
      /** the live run or a fork */
      run?: string
      to?: number
    }
    answer: Blob
  }
  /** The whole grid as a table */
  '/download/grid.parquet': {
    query: {
      from?: number
      /** the live run or a fork */
      run?: string
      to?: number
    }
    answer: Blob
  }
  /** Readings as a table */
  '/download/readings.csv': {
    query: {
      /** its id or path: all its twins */
      community?: string
      from?: number
      /** of twins; all if left out */
      path?: string[] | null
      /** the live run or a fork */
      run?: string
      to?: number
    }
    answer: Blob
  }
  /** Readings as a table */
  '/download/readings.parquet': {
    query: {
      /** its id or path: all its twins */
      community?: string
      from?: number
      /** of twins; all if left out */
      path?: string[] | null
      /** the live run or a fork */
      run?: string
      to?: number
    }
    answer: Blob
  }
  /** Notable events, newest first */
  '/events': {
    query: {
      cursor?: string
      from?: number
      limit?: number
      /** of a member, or of what is above it */
      path?: string
      /** the live run or a fork */
      run?: string
      to?: number
      type?: string
    }
    answer: EventList
  }
  /** Flows of the grid, a source or a community over time */
  '/flows': {
    query: {
      /** of flow_columns; load_w, generation_w, import_w, export_w, charge_w, discharge_w if left out */
      column?: string[] | null
      /** first step */
      from?: number
      /** pixels: at most two values for each */
      points?: number
      /** the live run or a fork */
      run?: string
      /** grid, sources/NAME, or a community's path */
      scope?: string
      /** the first step after it; -1: up to now */
      to?: number
    }
    answer: Series
  }
  /** Production by source, beside consumption */
  '/production': {
    query: {
      /** first step */
      from?: number
      /** pixels: at most two values for each */
      points?: number
      /** the live run or a fork */
      run?: string
      /** the first step after it; -1: up to now */
      to?: number
    }
    answer: Production
  }
  /** A twin's columns and devices over time */
  '/readings': {
    query: {
      /** of its kind, part:NAME for a device, or gauge:NAME for a gauge; all of its kind's if left out */
      column?: string[] | null
      /** first step */
      from?: number
      path: string
      /** pixels: at most two values for each */
      points?: number
      /** the live run or a fork */
      run?: string
      /** the first step after it; -1: up to now */
      to?: number
    }
    answer: Series
  }
  /** The live run and its forks */
  '/runs': {
    query: Record<never, never>
    answer: RunList
  }
  /** One run */
  [path: `/runs/${string}`]: {
    query: Record<never, never>
    answer: RunInfo
  }
  /** What is run */
  '/scenario': {
    query: Record<never, never>
    answer: ScenarioInfo
  }
  /** The clock and how the run is */
  '/state': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    answer: State
  }
  /** The members of a tile */
  [path: `/tiles/${string}`]: {
    query: Record<never, never>
    answer: TileInfo
  }
  /** Communities on the plane */
  '/tree': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    answer: Tree
  }
  /** One twin */
  '/twin': {
    query: {
      path: string
      /** the live run or a fork */
      run?: string
      /** -1: the latest */
      tick?: number
    }
    answer: TwinInfo
  }
  /** Twins by kind, community, predicate and text */
  '/twins': {
    query: {
      /** also those that are prepared, and not there in this step */
      absent?: boolean
      /** its id or path */
      community?: string
      cursor?: string
      kind?: string
      limit?: number
      /** parts of the path or of the kind's label, or words kind:battery, community:south, soc<0.2 */
      q?: string
      /** the live run or a fork */
      run?: string
      /** step of the values; -1: the latest */
      tick?: number
      /** column, one of < <= = >= >, number: soc<0.2 */
      where?: string[] | null
    }
    answer: TwinList
  }
  /** Plants and ties */
  '/units': {
    query: {
      cursor?: string
      limit?: number
      /** the live run or a fork */
      run?: string
      /** step of the values; -1: the latest */
      tick?: number
    }
    answer: UnitList
  }
}
/** Routes that change something: what each takes and answers. */
export interface Posts {
  /** Say that an alert has been seen */
  '/alerts/acknowledge': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: AcknowledgeBodyBody
    answer: AlertInfo
  }
  /** Let the simulation pause */
  '/clock/pause': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: undefined
    answer: State
  }
  /** Let the simulation play */
  '/clock/play': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: undefined
    answer: State
  }
  /** Run up to a step, then pause */
  '/clock/seek': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: SeekBodyBody
    answer: State
  }
  /** Set the speed */
  '/clock/speed': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: SpeedBodyBody
    answer: State
  }
  /** Make steps, then pause */
  '/clock/step': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: StepBodyBody
    answer: State
  }
  /** Change a setting of a twin */
  '/commands': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: CommandBody
    answer: CommandInfo
  }
  /** Begin another future */
  '/forks': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: ForkInputBody
    answer: RunInfo
  }
}
/** Routes that remove something: what each takes. */
export interface Deletes {
  /** End and forget a fork */
  [path: `/runs/${string}`]: {
    query: Record<never, never>
  }
}
