// The page's single connection to the stream: its subscription, the frames received, and whether they are stale.
import type { Waited } from './blank'
import { apply, decode, encode, FrameError, value, type Table } from './codec'
import type { Row } from './figures'
import { get, type AlertInfo, type Catalogue, type KindInfo, type TileInfo, type Tree } from './api'
import { Alert_Severity, Clock_State, type Alert, type Heartbeat, type Hello } from '../gen/stream_pb'
import { create } from '@bufbuild/protobuf'
import { LookSchema, SubscribeSchema } from '../gen/stream_pb'
import { place, href } from './route.svelte'

/** An alert as the stream has it. */
export type AlertRow = Omit<AlertInfo, 'first_time' | 'last_time' | 'counts'>
export type Chip = 'LIVE' | 'PAUSED' | 'ENDED' | 'FAILED' | 'REPLAY' | 'STALE'
const staleAfter = 3000

const turn = <T extends { x: unknown; y: unknown }>(p: T): T => ({ ...p, x: p.y, y: p.x })

class Live {
  hello: Hello | null = $state.raw(null)
  beat: Heartbeat | null = $state.raw(null)
  catalogue: Catalogue | null = $state.raw(null)
  tree: Tree | null = $state.raw(null)
  tiles: Map<number, TileInfo> = $state.raw(new Map())
  alerts: Map<string, AlertRow> = $state.raw(new Map())
  /** The alerts as they were after the step that is shown, if it is not the latest; undefined while they are read. */
  then: AlertRow[] | null | undefined = $state.raw(null)
  #told = $state(false)
  stale = $state(false)
  connected = $state(false)
  /** Grows with each batch of frames; readers of tables depend on it. */
  version = $state(0)
  /** The newest step received live; heartbeats have it too, but only once a second. */
  newest = $state(-1)
  /** The step that the frames show; −1 before the first. */
  tick = $state(-1)
  /** The server's message about a refused or aggregated subscription. */
  notice = $state('')
  why = $state('')
  aggregated = $state(false)

  tables = new Map<string, Table>()
  #socket: WebSocket | null = null
  #run = ''
  #wanted = new Map<string, number>()
  #lastBeat = 0
  #id = 0
  #tries = 0
  #retry: ReturnType<typeof setTimeout> | undefined
  #due = false
  #subscribeDue = false
  #loading = new Set<number>()
  #looked: number | null = null
  #turned = false
  /** Rows decoded since the last frames: several panels read the same. */
  #flows = new Map<string, Row>()
  #paths = $derived(
    new Map(
      (this.tree?.communities ?? []).flatMap(
        (c) =>
          [
            [c.path, c],
            [c.id, c],
          ] as const,
      ),
    ),
  )

  start() {
    this.#lastBeat = Date.now()
    setInterval(() => {
      this.stale = !this.connected || Date.now() - this.#lastBeat > staleAfter
    }, 250)
    $effect.root(() => {
      $effect(() => {
        this.#open(place.now.run)
      })
      $effect(() => {
        this.#look(place.now.tick)
      })
    })
  }

  get run() {
    return this.#run
  }
  get zone() {
    return this.hello?.zone ?? 'UTC'
  }
  get step() {
    return this.hello?.stepS ?? 900
  }
  get steps() {
    return Number(this.hello?.steps ?? 0)
  }
  get clock() {
    return this.beat?.clock ?? null
  }
  /** Number of steps made by the simulation. */
  get made() {
    return Math.max(Number(this.clock?.tick ?? 0), this.newest + 1)
  }
  /** Whether the shown step is known: before, a request would end too early. */
  get ready() {
    return this.hello !== null && (this.tick >= 0 || (this.clock !== null && this.made === 0))
  }
  get first() {
    return Number(this.clock?.first ?? 0)
  }
  /** Whether the run is a replay of one that is over: its clock goes in both directions, and nothing can be changed. */
  get kept() {
    return this.clock?.state === Clock_State.REPLAY
  }
  /** Whether the run is over: it has ended or failed, or is a replay. */
  get over() {
    const s = this.clock?.state
    return s === Clock_State.ENDED || s === Clock_State.FAILED || s === Clock_State.REPLAY
  }
  /** Whether nothing can be ordered: a past step is shown, or the run is over. */
  get locked() {
    return this.replay || this.over
  }
  /** When an order takes effect, or why none can be given. */
  get ordering(): string {
    if (this.over) return 'The run is over: nothing can be ordered any more. Fork it to see another future.'
    if (this.replay) return 'A past step is shown: go back to live to order something.'
    return ''
  }
  /** Whether the viewer shows a past step. */
  get replay() {
    return place.now.tick !== null
  }

  get chip(): Chip {
    if (this.stale) return 'STALE'
    if (this.replay) return 'REPLAY'
    switch (this.clock?.state) {
      case Clock_State.LIVE:
        return 'LIVE'
      case Clock_State.ENDED:
        return 'ENDED'
      case Clock_State.FAILED:
        return 'FAILED'
      case Clock_State.REPLAY:
        return 'REPLAY'
      default:
        return 'PAUSED'
    }
  }

  /** Whether new steps appear: steps are made, or a replay plays, and the viewer is live. The dashes of flows move then. */
  get moving() {
    return !this.stale && !this.replay && (this.clock?.playing ?? false)
  }

  /** When a step began, in ms since 1970. */
  at(tick: number): number {
    return (Number(this.hello?.startUnixS ?? 0n) + tick * this.step) * 1000
  }
  tickOf(ms: number): number {
    return Math.floor((ms / 1000 - Number(this.hello?.startUnixS ?? 0n)) / this.step)
  }

  /** Adds scopes to the subscription; the function that it returns removes them. */
  want(...scopes: string[]): () => void {
    for (const s of scopes) this.#wanted.set(s, (this.#wanted.get(s) ?? 0) + 1)
    this.#subscribe()
    return () => {
      for (const s of scopes) {
        const n = (this.#wanted.get(s) ?? 1) - 1
        if (n > 0) this.#wanted.set(s, n)
        else {
          this.#wanted.delete(s)
          if (/^(tile|twin)\//.test(s)) this.tables.delete(s)
        }
      }
      this.#subscribe()
    }
  }

  /** A row of grid, sources or communities, each figure in the unit of its name, null where it has none; null before the first frame. */
  flow(scope: 'grid' | 'sources' | 'communities', row = 0): Row | null {
    void this.version
    const key = scope + row
    const kept = this.#flows.get(key)
    if (kept) return kept
    const columns = this.catalogue?.flow_columns
    if (!columns) return null
    const name = scope === 'communities' ? `communities/${row >> 10}` : scope
    const at = scope === 'communities' ? row & 1023 : row
    const table = this.tables.get(name)
    if (!table?.blocks.get(0)) return null
    const out: Row = {}
    columns.forEach((c, i) => {
      out[c.name] = value(table, 0, at, i, c.places)
    })
    this.#flows.set(key, out)
    return out
  }

  kind(name: string): KindInfo | undefined {
    return this.catalogue?.kinds.find((k) => k.name === name)
  }
  community(path: string) {
    return this.#paths.get(path)
  }

  /** The row of a twin from its scope twin/{path}. */
  twin(path: string, kind: string): { values: Row; parts: number[] } | null {
    void this.version
    const k = this.kind(kind)
    const table = this.tables.get('twin/' + path)
    if (!k || !table?.blocks.get(0)) return null
    const values: Row = {}
    k.columns.forEach((c, i) => {
      values[c.name] = value(table, 0, 0, i, c.places)
    })
    const p = table.blocks.get(1)
    const parts: number[] = []
    for (let i = 0; p && i < p.rows; i++) parts.push((p.columns.get(0)?.[i] ?? 0) / 1000)
    return { values, parts }
  }

  async tile(n: number) {
    if (this.tiles.has(n) || this.#loading.has(n)) return
    this.#loading.add(n)
    try {
      const tile = await get(`/tiles/${n}`, {})
      const laid = this.#turned ? { ...tile, blocks: tile.blocks.map(turn), lines: tile.lines.map(turn) } : tile
      this.tiles = new Map(this.tiles).set(n, laid)
    } catch {
      /* fetched again when the map moves */
    } finally {
      this.#loading.delete(n)
    }
  }

  /** The alerts as they were after the step that is shown. */
  get shownAlerts(): AlertRow[] {
    return this.then === null ? [...this.alerts.values()] : (this.then ?? [])
  }
  /** Whether the alerts of that step have been read. */
  get alertsRead(): Waited {
    return { data: (this.then === null ? this.#told : this.then) || null, error: '' }
  }
  /** Number of alerts that are not acknowledged, ended ones included. */
  get open(): number {
    return this.shownAlerts.filter((a) => !a.acknowledged).length
  }

  #open(run: string) {
    if (this.#socket && run === this.#run) return
    const changed = run !== this.#run
    this.#run = run
    if (changed) {
      this.tick = -1
      this.newest = -1
      this.beat = null
      this.#told = false
    }
    clearTimeout(this.#retry)
    const old = this.#socket
    this.#socket = null
    old?.close()
    // The page keeps its figures until full frames replace them, unless they are of another run.
    if (changed) {
      this.tables.clear()
      this.#flows.clear()
      this.version++
    }
    this.connected = false
    const scheme = location.protocol === 'https:' ? 'wss:' : 'ws:'
    const s = new WebSocket(`${scheme}//${location.host}/api/v1/stream` + (run ? '?run=' + encodeURIComponent(run) : ''))
    this.#socket = s
    s.binaryType = 'arraybuffer'
    let opened = false
    s.onopen = () => {
      opened = true
      if (s === this.#socket) {
        this.connected = true
        this.#tries = 0
        this.why = ''
        this.#lastBeat = Date.now()
      }
    }
    s.onmessage = (e) => {
      if (s === this.#socket) this.#take(e.data as ArrayBuffer)
    }
    s.onclose = (e) => {
      if (s !== this.#socket) return
      this.connected = false
      this.#socket = null
      if (e.reason) this.why = e.reason
      // A browser does not tell why a WebSocket was refused; a request does, and asks for the token if the session has ended.
      if (!opened) void get('/state', {}).catch(() => {})
      // The delay grows to 5 s and is random in part, so that viewers do not reconnect all at once.
      const wait = Math.min(5000, 250 * 2 ** this.#tries++) * (0.5 + Math.random() / 2)
      this.#retry = setTimeout(() => this.#open(place.now.run), wait)
    }
  }

  #take(data: ArrayBuffer) {
    try {
      const { body } = decode(new Uint8Array(data))
      switch (body.case) {
        case 'hello':
          void this.#greet(body.value)
          break
        case 'heartbeat':
          this.#lastBeat = Date.now()
          this.stale = false
          this.beat = body.value
          break
        case 'frame':
          apply(this.tables, body.value)
          this.#changed()
          break
        case 'alerts':
          this.#alert(body.value.full, body.value.alerts)
          break
        case 'subscribed':
          this.notice = body.value.notice
          this.aggregated = body.value.aggregated
          break
        case 'refused':
          this.why = body.value.reason
          break
        case 'looking':
          if (body.value.live) this.why = ''
          break
      }
    } catch (e) {
      if (!(e instanceof FrameError)) throw e
      // The tables may be wrong: reconnect and begin with full frames.
      this.why = e.message
      this.#socket?.close()
    }
  }

  async #greet(hello: Hello) {
    this.hello = hello
    this.#looked = null
    this.newest = -1
    this.beat = null
    this.#subscribe()
    if (place.now.tick !== null) this.#look(place.now.tick)
    if (this.catalogue?.version === hello.catalogue) return
    const run = this.#run
    const [catalogue, tree] = await Promise.all([get('/catalogue', {}), get('/tree', { run })]).catch((e: unknown) => {
      this.why = e instanceof Error ? e.message : String(e)
      return [null, null]
    })
    if (run !== this.#run || !catalogue || !tree) return
    this.catalogue = catalogue
    // The plane has no unit and no north: it is turned so that its longer side is horizontal.
    const b = tree.bounds
    this.#turned = b.y1 - b.y0 > 1.15 * (b.x1 - b.x0)
    if (this.#turned) {
      this.tree = {
        ...tree,
        bounds: { x0: b.y0, x1: b.y1, y0: b.x0, y1: b.x1 },
        communities: tree.communities.map(turn),
        lines: tree.lines.map(turn),
      }
    } else this.tree = tree
    this.tiles = new Map()
  }

  #alert(full: boolean, rows: Alert[]) {
    const all = full ? new Map<string, AlertRow>() : new Map(this.alerts)
    for (const a of rows) {
      all.set(a.id, {
        id: a.id,
        rule: a.rule,
        scope: a.scope,
        text: a.text,
        first: Number(a.first),
        last: Number(a.last),
        count: Number(a.count),
        active: a.active,
        acknowledged: a.acknowledged,
        severity: a.severity === Alert_Severity.CRITICAL ? 'critical' : a.severity === Alert_Severity.WARNING ? 'warning' : 'note',
      })
    }
    this.alerts = all
    this.#told = true
  }

  /** The page is updated at most once per screen frame, however many frames are received. */
  #changed() {
    if (this.#due) return
    this.#due = true
    const go = () => {
      this.#due = false
      this.tick = this.tables.get('grid')?.tick ?? this.tick
      if (this.#looked === null) this.newest = this.tick
      this.#flows.clear()
      this.version++
    }
    if (document.hidden) setTimeout(go, 250)
    else requestAnimationFrame(go)
  }

  #subscribe() {
    if (this.#subscribeDue) return
    this.#subscribeDue = true
    queueMicrotask(() => {
      this.#subscribeDue = false
      this.#send({
        case: 'subscribe',
        value: create(SubscribeSchema, { id: ++this.#id, scopes: [...this.#wanted.keys()].sort(), maxHz: 10 }),
      })
    })
  }

  #look(tick: number | null) {
    if (tick === null && this.#looked === null) return
    this.#looked = tick
    this.#send({
      case: 'look',
      value: create(LookSchema, tick === null ? { id: ++this.#id, live: true } : { id: ++this.#id, tick: BigInt(tick) }),
    })
  }

  #send(body: Parameters<typeof encode>[0]) {
    if (this.#socket?.readyState === WebSocket.OPEN && this.hello) this.#socket.send(encode(body))
  }
}

export const live = new Live()

/** Shows a step, or returns to live. Only this viewer's clock moves. */
export function look(tick: number | null) {
  place.go(href({ tick }), true)
}
