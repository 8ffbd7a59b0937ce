// The REST API's types. Made by `make api-types` from the server's /openapi.json: not to be edited.
export interface AcknowledgeBodyBody {
  id: string
}
export interface AlertInfo {
  acknowledged: boolean
  active: boolean
  /** how often the rule held, see counts */
  count: number
  /** what count counts: the steps in which the rule held; member-steps, for load.unserved and storage.empty: each home, vehicle or battery of the community for which it held, in each step; or events */
  counts: 'steps' | 'member-steps' | 'events'
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
  /** step in which it is carried out, which must not have been begun; the next one if left out */
  tick?: number
  /** in the setting's unit; a word where it is a choice; true or false */
  value?: number | boolean | string
  /** the same as a word in value */
  word?: string
}
export interface CommandInfo {
  /** set, multiply, or another command that the twin takes: it has no setting */
  name: string
  /** the Idempotency-Key was used before: the command was not carried out again */
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
  /** number of these, by kind */
  members: Record<string, number>
  path: string
  r: number
  tiles: number[]
  /** present ones: a prepared one counts once it has been put in */
  twins: number
  x: number
  y: number
}
export interface Comparison {
  a: string
  b: string
  /** all that the formulas of the ratios name */
  energies: EnergyPair[]
  /** null: none so far */
  first_difference: number | null
  from: number
  /** reasons for differences besides the changes of a fork, and what a fork has done with its parent's later commands */
  notes: string[]
  ratios: RatioPair[]
  series: Pair[]
  to: number
  /** energies over the compared steps; waiting_wh is what waits after the last one */
  totals: TotalOf[]
}
export interface DecisionInfo {
  curtailed_w: number
  path: string
  /** the setpoint that replaced its reference */
  power_w: number
  reason: string
  shifted_w: number
  tick: number
  time: string
  unserved_w: number
  /** what began to lack at the member in this step for a deadline to come, the same in each decision about it; null if the record of an earlier program lacks it */
  waiting_w: number | null
}
export interface DecisionList {
  decisions: DecisionInfo[]
  next: string
}
export interface Energy {
  label: string
  name: string
  wh: number
}
export interface EnergyPair {
  /** in Wh; null if it is not known any more */
  a: number | null
  /** as a */
  b: number | null
  /** b − a */
  difference: number | null
  label: string
  name: string
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
  /** values in the units of their names */
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
export interface ForkInfo {
  /** first step in which it may differ from its parent */
  at: number
  /** once the run is over */
  digest: string
  error: string
  first: number
  id: string
  /** what the fork has done with the commands that its parent had for step at and later ones; empty if it is no fork */
  later_commands: '' | 'keep' | 'drop'
  /** number of these commands */
  later_commands_count: number
  name: string
  parent: string
  /** the Idempotency-Key was used before: the fork was not made again */
  repeated: boolean
  set: string[]
  state: 'paused' | 'live' | 'ended' | 'failed' | 'replay'
  steps: number
  tick: number
}
export interface ForkInputBody {
  /** first step in which the changes apply */
  at: number
  /** whether the fork carries out the commands that its parent has for step at and later ones, those that wait included */
  later_commands?: 'keep' | 'drop'
  name?: string
  /** changes as in --set: producers.coal.available=false; at most 64 KiB together */
  set: string[] | null
}
export interface GaugeInfo {
  label: string
  /** DEVICE.NAME for a gauge of a home's device */
  name: string
  /** the value in words; empty where it is null */
  text: string
  unit: string
  /** null if it has none in this step, or it is not known */
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
  /** the scenario may prepare one: it is absent until a command puts it in */
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
  /** it is a prepared generator that is not installed: its scale is 0 */
  absent: boolean
  name: string
  /** null before the first step */
  power_w: number | null
}
export interface PlantInfo {
  /** seconds from stopping until it is cold */
  cold_after_s: number
  /** the power that it can hold for ever, as the scenario states it: what flows in; null if its rating */
  firm_w: number | null
  /** the first step in which its output is free again; null if it is not fixed */
  fixed_until: number | null
  /** the power at which its output is fixed; null if it is not fixed */
  fixed_w: number | null
  /** how far it has cooled; empty unless it is off */
  heat: '' | 'hot' | 'warm' | 'cold'
  /** seconds from stopping until it may be ordered to start */
  min_down_s: number
  /** seconds from starting until it may be stopped, except in an emergency */
  min_up_s: number
  /** the order, which overrides every plan; auto: it follows the plan */
  ordered: 'auto' | 'run' | 'stop'
  /** the energy of its full reservoir, for more than firm_w; null if firm_w is */
  reservoir_wh: number | null
  /** the step since which it is on or off; if it is starting, the step in which it is ready */
  since: number | null
  /** the share of its rating that is sold to the market */
  sold_share: number
  start_cold_s: number
  start_hot_s: number
  /** seconds from an order to start until it generates, at that heat; null unless it is off */
  start_s: number | null
  start_warm_s: number
  /** the first step in which it may be ordered to start; null if it may be now */
  startable: number | null
  /** the step in which it will feed in; null unless it is starting */
  starts_until: number | null
  state: 'off' | 'starting' | 'on'
  /** the first step in which it has run for its minimum time; null if it has already */
  stoppable: number | null
  /** seconds from stopping until it is warm, no longer hot */
  warm_after_s: number
}
export interface Production {
  /** quarter hours whose forecasts could be compared with the actual net load */
  forecast_judged: number
  /** how many of them a band around the forecast needs */
  forecast_needs: number
  from: number
  /** oldest step that is held */
  held_from: number
  /** why devices and gauges have gaps in steps that are held; empty where they are known */
  not_computed: string
  path: string
  /** values were left out: there were more than two for each pixel */
  reduced: boolean
  series: SeriesOf[]
  start_unix_s: number
  step_s: number
  /** the first step after the window */
  to: number
}
export interface Ratio {
  /** what it is */
  definition: string
  /** it in the names of energies */
  formula: string
  label: string
  name: string
  /** from 0 to 1; null while the denominator is 0 */
  value: number | null
}
export interface RatioList {
  /** all that the formulas name, over the same steps */
  energies: Energy[]
  /** the first step that is counted: 0 unless the run's first steps are not kept */
  from: number
  /** of the three shares renewable_share, non_renewable_share and renewable_share_unknown the sum is 1 */
  ratios: Ratio[]
  /** the last step that is counted, -1 before the first */
  tick: number
}
export interface RatioPair {
  /** null while the denominator is 0, and if it is not known any more */
  a: number | null
  /** as a */
  b: number | null
  /** what it is */
  definition: string
  /** b − a, a difference of ratios: 0.01 is one percentage point */
  difference: number | null
  /** it in the names of energies */
  formula: string
  label: string
  name: string
}
export interface RoomInfo {
  /** it lasts until this time has passed, as water allows */
  for_s: number
  /** the part of up_w that leaves a reserve for the frequency: if it is used, the room of the others still covers the loss of any single plant or tie, and reserve_w of the scenario is left; storage and load that could be moved are not counted */
  secure_w: number
  /** the shortest time until one of them gives anything; null if there is none */
  starts_s: number | null
  /** what plants that are off or starting could give once they run, for for_s */
  starts_w: number
  /** sum of room_w of all plants and ties */
  up_w: number
  /** within this time it can be had, as ramps allow */
  within_s: number
}
export interface Rule {
  /** what the count of its alerts counts */
  counts: 'steps' | 'member-steps' | 'events'
  rule: string
  severity: 'note' | 'warning' | 'critical'
  text: string
}
export interface RunInfo {
  /** first step in which it may differ from its parent */
  at: number
  /** once the run is over */
  digest: string
  error: string
  first: number
  id: string
  /** what the fork has done with the commands that its parent had for step at and later ones; empty if it is no fork */
  later_commands: '' | 'keep' | 'drop'
  /** number of these commands */
  later_commands_count: number
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
  /** present at the start, by kind */
  members: Record<string, number>
  /** the market has a mix: co2_g_per_kwh is known */
  mixed: boolean
  name: string
  /** absent at the start, and can be put in while the run goes on, by kind */
  prepared: Record<string, number>
  /** it has a market: price_eur_per_mwh is known */
  priced: boolean
  seed: number
  start: string
  step_s: number
  steps: number
  /** doubts about the scenario and its data, which the runs take as they are */
  warnings: WarningInfo[]
  zone: string
}
export interface SeekBodyBody {
  /** the number of steps made when it pauses */
  tick: number
}
export interface Series {
  from: number
  /** oldest step that is held */
  held_from: number
  /** why devices and gauges have gaps in steps that are held; empty where they are known */
  not_computed: string
  path: string
  /** values were left out: there were more than two for each pixel */
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
  /** what 0 means where it is not a quantity, such as none; empty elsewhere */
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
  /** active and not acknowledged */
  alerts: number
  /** once the run is over */
  digest: string
  end: string
  /** why the run failed; while it runs, what it waits for, such as space on the disk */
  error: string
  /** oldest step that is held */
  first: number
  frames_conflated: number
  frames_sent: number
  /** at the end of the latest step; null if the grid has none: nobody holds it, nothing feeds it, or after a blackout */
  frequency_hz: number | null
  /** highest within the step; null as the lowest */
  frequency_max_hz: number | null
  /** lowest within the step; null if the grid had none in it, as when it is black from the start */
  frequency_min_hz: number | null
  /** no limit on the speed */
  max: boolean
  /** steps are being made, or shown in a replay */
  playing: boolean
  reached: number
  /** of the latest step, exact to the milliwatt: 0 unless energy was lost or created; null before the first step */
  residual_w: number | null
  run: string
  scenario: string
  seed: number
  /** requested speed, simulated seconds per second; if max, the one requested before */
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
  /** row in owner_block, -1 if it belongs to the community */
  owner: number[]
  /** block of this tile that has the owners, -1 if no member of this block has one */
  owner_block: number
  /** names of the devices of each */
  parts: string[][]
  paths: string[]
  /** rows of prepared members: one is absent in a step in which it stores nothing and neither draws nor generates */
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
  /** null if a record of the compared steps lacks it */
  a: number | null
  /** as a */
  b: number | null
  /** b − a */
  difference: number | null
  name: string
}
export interface Tree {
  bounds: Bounds
  communities: CommunityInfo[]
  lines: Line[]
  version: string
}
export interface TwinInfo {
  /** it is prepared, and absent in this step */
  absent: boolean
  alerts: AlertInfo[]
  /** at most 1,000 */
  children: string[]
  /** children of a home that are prepared, and absent in this step */
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
  /** it was out of service in this step, or not installed yet */
  out: boolean
  owner: string
  parent: string
  /** its devices; empty where not_computed says why */
  parts: PartInfo[]
  path: string
  /** if it can be started and stopped */
  plant?: PlantInfo
  /** null before the first step; a value is null if the twin has none, or the record of an earlier program lacks it */
  reading: Record<string, number | null> | null
  role: string
  settings: TwinSetting[]
  /** its entry in the scenario */
  spec: Record<string, unknown>
  /** step of the reading, -1 before the first */
  tick: number
  /** -1 for a community and the grid */
  tile: number
  /** if it is a vehicle */
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
  /** it is prepared, and absent in this step */
  absent: boolean
  community: string
  kind: string
  owner: string
  path: string
  tile: number
  /** null: it has none, or the record of an earlier program lacks it; empty before the first step */
  values: Record<string, number | null>
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
  /** what 0 means where it is not a quantity, such as none; empty elsewhere */
  zero: string
}
export interface UnitInfo {
  community: string
  /** room_w is its part of room; water_j is the energy of its stored water */
  gauges: GaugeInfo[]
  kind: string
  /** it was out of service in this step */
  out: boolean
  path: string
  /** if it can be started and stopped */
  plant?: PlantInfo
  /** null before the first step */
  reading: Record<string, number | null> | null
  role: string
  settings: TwinSetting[]
}
export interface UnitList {
  /** cursor of the next page, empty at the end */
  next: string
  /** why gauges and room of the step are not known, else empty */
  not_computed: string
  /** of all plants and ties; left out before the first step, and if gauges cannot be computed */
  room?: RoomInfo
  /** step of the values, -1 before the first */
  tick: number
  total: number
  /** by kind, then by path */
  units: UnitInfo[]
}
export interface VehicleInfo {
  /** part of the energy for its next trip that could not be charged in time from the start; null unless it is plugged in */
  impossible_wh: number | null
  /** the step in which it leaves, and by which it should be ready; null unless it is plugged in */
  leaves: number | null
  /** energy that it requested when it was plugged in, at the charger; null unless it is plugged in */
  needs_wh: number | null
  /** whether it left with the energy that its trip needs; true if no trip is known, as after its last recorded session; null unless it has left */
  ready: boolean | null
  /** the step in which it was plugged in, or left; null if that was before the run */
  since: number | null
  /** charging: it draws; waiting: it would draw but was asked not to; plugged: neither */
  state: 'away' | 'plugged' | 'charging' | 'waiting'
}
export interface WarningInfo {
  /** of a data file, or the path of a scenario's entry */
  column: string
  file: string
  /** a word such as counter, unit, gap, zone */
  kind: string
  /** from 1; 0 if it is about the whole file */
  line: number
  /** what is doubtful, and its likely cause */
  text: string
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
      /** the alerts as they were after this step; -1: the latest */
      tick?: number
    }
    answer: AlertList
  }
  /** Kinds, columns, sources, rules */
  '/catalogue': {
    query: Record<never, never>
    answer: Catalogue
  }
  /** Accepted commands, newest first */
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
      /** of a member, or of a node above it */
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
      /** of a member, or of a node above it */
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
  /** Self-sufficiency, self-consumption and renewable share of the run */
  '/ratios': {
    query: {
      /** the live run or a fork */
      run?: string
      /** the last step that is counted; -1: the latest */
      tick?: number
    }
    answer: RatioList
  }
  /** A twin's columns and devices over time */
  '/readings': {
    query: {
      /** a column of its kind, part:NAME for a device, or gauge:NAME for a gauge; all columns of its kind if left out */
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
  /** The scenario of the runs */
  '/scenario': {
    query: Record<never, never>
    answer: ScenarioInfo
  }
  /** The clock and the state of the run */
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
      /** step of the limits and members; -1: the latest */
      tick?: number
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
      /** also prepared ones that are absent in this step */
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
  /** Acknowledge an alert */
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
  /** Fork a run */
  '/forks': {
    query: {
      /** the live run or a fork */
      run?: string
    }
    body: ForkInputBody
    answer: ForkInfo
  }
}
/** Routes that remove something: what each takes. */
export interface Deletes {
  /** End and delete a fork */
  [path: `/runs/${string}`]: {
    query: Record<never, never>
  }
}
