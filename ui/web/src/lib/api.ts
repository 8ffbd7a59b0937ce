// The REST API's shapes and the one way to ask for them. ui/API.md is the reference.

export interface State {
  run: string; scenario: string; state: string; tick: number; time: string; first: number; steps: number; start: string; end: string
  zone: string; step_s: number; speed: number; max: boolean; reached: number; playing: boolean; residual_mw: number; frequency_hz: number | null
  viewers: number; alerts: number; frames_sent: number; frames_conflated: number; steps_per_s: number; seed: number; error: string
}
export interface Run { id: string; name: string; parent: string; at: number; set: string[] | null; state: string; tick: number; steps: number; first: number; digest: string; error: string }
export interface ColumnInfo { name: string; unit: string; places: number; derived?: boolean }
export interface SettingInfo { name: string; unit: string; places: number; min: number; max: number; words: string[] | null; boolean?: boolean; zero?: string }
export interface KindInfo { name: string; label: string; role: string; plural: string; ownable: boolean; columns: ColumnInfo[]; settings: SettingInfo[] | null }
export interface SourceInfo { name: string; kind: string; label: string }
export interface Catalogue { version: string; kinds: KindInfo[]; flow_columns: ColumnInfo[]; sources: SourceInfo[]; reasons: string[]; rules: { rule: string; severity: string; text: string }[] }
export interface CommunityInfo { path: string; id: string; index: number; x: number; y: number; r: number; tiles: number[]; twins: number; limit_w: number | null; members: Record<string, number> }
export interface Line { x: number[]; y: number[]; community: string }
export interface Tree { version: string; bounds: { x0: number; y0: number; x1: number; y1: number }; communities: CommunityInfo[]; lines: Line[] | null }
export interface TileBlock { kind: string; paths: string[]; community: number[]; owner: number[]; owner_block: number; x: number[]; y: number[]; parts: (string[] | null)[] | null; prepared?: number[] | null }
export interface Tile { version: string; tile: number; communities: string[]; blocks: TileBlock[]; lines: Line[] | null }
export interface TwinRow { path: string; kind: string; community: string; owner: string; tile: number; x: number; y: number; absent?: boolean; values: Record<string, number> | null }
export interface Setting extends SettingInfo { value: number | null; word: string }
export interface Decision { tick: number; time: string; path: string; reason: string; power_w: number; shifted_w: number; unserved_w: number; curtailed_w: number }
export interface Twin {
  path: string; kind: string; label: string; role: string; community: string; owner: string; parent: string; tile: number; x: number; y: number; absent?: boolean; tick: number
  spec: Record<string, unknown> | null; settings: Setting[] | null; reading: Record<string, number> | null
  parts: { name: string; power_w: number }[] | null; plant?: PlantInfo; children: string[] | null; children_absent?: string[] | null; children_total?: number; decisions: Decision[] | null; alerts: AlertRow[] | null
}
/** What an order to a plant would mean in the next step; ticks are null where there is none. */
export interface PlantInfo {
  state: 'off' | 'starting' | 'on'; since: number | null; heat: '' | 'hot' | 'warm' | 'cold'; start_s: number | null; startable: number | null; stoppable: number | null
  start_hot_s: number; start_warm_s: number; start_cold_s: number; warm_after_s: number; cold_after_s: number; min_up_s: number; min_down_s: number
}
export interface SeriesLine { name: string; unit: string; places: number; label: string; t: number[]; v: (number | null)[] }
export interface Series { path: string; from: number; to: number; step_s: number; start_unix_s: number; reduced: boolean; held_from: number; series: SeriesLine[] }
export interface Production extends Series { forecast_judged: number; forecast_needs: number }
export interface EventRow { tick: number; time: string; path: string; type: string; fields: Record<string, number> | null }
export interface AlertRow { id: string; rule: string; severity: string; scope: string; text: string; first: number; last: number; count: number; active: boolean; acknowledged: boolean }
export interface CommandBody { target: string; setting: string; value?: number; word?: string; multiply?: number; tick?: number }
export interface Command { seq: number; tick: number; target: string; setting: string; name: string; value: number; repeated: boolean }
export interface Comparison {
  a: string; b: string; from: number; to: number; first_difference: number | null
  totals: { name: string; a: number; b: number; difference: number }[]
  series: { name: string; unit: string; a: { t: number[]; v: (number | null)[] }; b: { t: number[]; v: (number | null)[] } }[]
}

/** What the server answered when it refused, in its own words. */
export class Problem extends Error {
  constructor(readonly status: number, message: string) { super(message) }
}

type Query = Record<string, string | number | boolean | string[] | null | undefined>

export function address(path: string, query: Query = {}): string {
  const q = new URLSearchParams()
  for (const [key, value] of Object.entries(query)) {
    if (Array.isArray(value)) for (const v of value) q.append(key, v)
    else if (value !== null && value !== undefined && value !== '') q.set(key, String(value))
  }
  const text = q.toString()
  return '/api/v1' + path + (text ? '?' + text : '')
}

async function ask<T>(method: string, url: string, body?: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Promise<T> {
  let answer: Response
  try {
    answer = await fetch(url, {
      method, signal: signal ?? null,
      headers: body === undefined ? headers : { 'Content-Type': 'application/json', ...headers },
      body: body === undefined ? null : JSON.stringify(body),
    })
  } catch (e) {
    if (signal?.aborted) throw e
    throw new Problem(0, 'The server does not answer.')
  }
  if (!answer.ok) throw new Problem(answer.status, await reason(answer))
  if (answer.status === 204) return undefined as T
  return filled(await answer.json()) as T
}

/** An empty list comes as null from Go; here it is an empty list. */
function filled(x: unknown): unknown {
  for (const line of (x as { series?: unknown })?.series instanceof Array ? (x as { series: Record<string, unknown>[] }).series : []) {
    for (const o of [line, line.a, line.b] as ({ t?: unknown; v?: unknown } | undefined)[]) if (o && 't' in o) { o.t ??= []; o.v ??= [] }
  }
  return x
}

async function reason(answer: Response): Promise<string> {
  try {
    const p = (await answer.json()) as { title?: string; detail?: string; errors?: { message?: string; location?: string }[] }
    const more = (p.errors ?? []).map((e) => e.message).filter(Boolean).join('; ')
    return [p.detail ?? p.title, more].filter(Boolean).join(': ') || answer.statusText
  } catch {
    return `The server answered ${answer.status} ${answer.statusText}`
  }
}

export const get = <T>(path: string, query?: Query, signal?: AbortSignal) => ask<T>('GET', address(path, query), undefined, {}, signal)
export const post = <T>(path: string, body: unknown, query?: Query) => ask<T>('POST', address(path, query), body)
export const remove = (path: string) => ask<void>('DELETE', address(path))

/** Sends a command. The key makes a second sending of the same press harmless. */
export function command(body: CommandBody, run = ''): Promise<Command> {
  return ask<Command>('POST', address('/commands', { run }), body, { 'Idempotency-Key': crypto.randomUUID?.() ?? String(Math.random()).slice(2) + Date.now() })
}
