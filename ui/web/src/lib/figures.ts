// Figures calculated from the API's columns. Each is one formula with its name in the trade.
import type { PlantInfo, UnitInfo } from './api'
import { duration, power } from './format'

type Row = Record<string, number>
const of = (r: Row, name: string) => r[name] ?? 0

/** How much of its limit a community uses: |net load| ÷ limit; null without a limit. */
export function loadingOf(flow: Row): number | null {
  const limit = of(flow, 'limit_w')
  return limit > 0 ? Math.abs(of(flow, 'power_w')) / limit : null
}

/** Consumption: the loads, without charging of storage. */
export const consumption = (flow: Row) => of(flow, 'load_w')

/** Supply: generation, discharging, imports. */
export const supply = (flow: Row) => of(flow, 'generation_w') + of(flow, 'discharge_w') + of(flow, 'import_w') + of(flow, 'relief_w')

/** Uses: loads, charging, exports, losses. Supply less uses is the residual. */
export const uses = (flow: Row) =>
  of(flow, 'load_w') + of(flow, 'charge_w') + of(flow, 'export_w') + of(flow, 'network_loss_w') + of(flow, 'kinetic_w')

/**
 * The share of use that was not imported, between 0 and 1; null without use. Use is the energy of loads and the net
 * charging of storage and vehicles. If storage ends as it began, this is own production used ÷ consumption; otherwise it
 * is not self-sufficiency, since energy stored at the beginning counts, so the page does not call it that.
 */
export function metWithoutImport(loadWh: number, importWh: number): number | null {
  return loadWh > 0 ? Math.max(0, Math.min(1, 1 - importWh / loadWh)) : null
}

/** The definition of each ratio that the page shows, as it stands beside the figure. */
export const definitions = {
  metWithoutImport:
    'Met without import: 1 − imported ÷ (consumed + what storage and vehicles took, net), of the steps that are shown. ' +
    'What storage and vehicles held before them counts as met. Self-sufficiency, in the report of a run, is another ratio: ' +
    'own production used, at once or through storage, ÷ consumption (loads and driving); what was stored before the run does not count.',
  offset:
    'Energy offset: produced ÷ consumed over all the steps that are shown, whether at the same time or not; it may be over 100 %. ' +
    'Self-consumption, in the report of a run, is another ratio: own production used ÷ (used + exported + lost in storage).',
  loading: 'Of its limit: |net load| ÷ limit of the connection point, mean of the step, for import and export alike.',
}

/** What is not served in a step: power cut, in W; power that began to wait in it, in W; all that waits at its end, in Wh. */
export interface Lack {
  cut: number
  essential: number
  late: number
  waits: number
}

/**
 * What a grid, community or member lacks in a step. Load waits if it cannot be drawn by its deadline any more;
 * at the deadline it becomes unserved.
 */
export function lackOf(...rows: Row[]): Lack {
  const sum = (name: string) => rows.reduce((s, r) => s + of(r, name), 0)
  return { cut: sum('unserved_w'), essential: sum('unserved_essential_w'), late: sum('waiting_w'), waits: sum('waiting_j') / 3600 }
}

export const lacks = (l: Lack) => l.cut > 0 || l.late > 0 || l.waits > 0

/**
 * What is lacking, the worst first: "129 kW not served", "12.0 kW waiting"; empty if nothing lacks. Powers only: energies
 * are in the list of energies.
 */
export function lackWords(l: Lack): string[] {
  return [
    l.cut > 0 ? power(l.cut) + ' not served' : '',
    l.late > 0 ? power(l.late) + ' waiting' : '',
    l.waits > 0 && l.late === 0 ? 'load waiting' : '',
  ].filter(Boolean)
}

/** The part of a unit that its room depends on. */
export type Source = Pick<UnitInfo, 'role' | 'out' | 'settings' | 'reading' | 'plant'>

/** How much more power could be supplied, W, and for how long. */
export interface Room {
  /** By running plants, for as long as it takes. */
  plants: number
  /** By ties, within their import limits. */
  ties: number
  /**
   * By running hydro beyond what flows in, while its reservoir has water, which is not known here; the least time that it
   * lasts from a full reservoir, s.
   */
  water: number
  waterS: number
  /** By plants that have to start first; the shortest start, s. */
  starts: number
  startS: number
}

/**
 * The room upwards. Plants that follow sun and wind (they can be curtailed and have such a column) have none, and neither
 * have plants that are out of service, ordered to stop or fixed.
 */
export function roomUpwards(units: Source[]): Room {
  const room: Room = { plants: 0, ties: 0, water: 0, waterS: Infinity, starts: 0, startS: Infinity }
  for (const u of units) {
    if (u.out || !u.reading) continue
    const gives = Math.max(0, -(u.reading.power_w ?? 0))
    const set = (name: string) => u.settings.find((s) => s.name === name)?.value ?? 0
    if (u.role === 'tie') room.ties += Math.max(0, set('import_w') - gives)
    else if (u.reading.curtailed_w === undefined) addPlant(room, u.plant, set('rated_w'), gives)
  }
  return room
}

function addPlant(room: Room, p: PlantInfo | undefined, rated: number, gives: number) {
  if (p && (p.ordered === 'stop' || p.fixed_w !== null)) return
  const firm = Math.min(rated, p?.firm_w ?? rated)
  if (p && p.state !== 'on') {
    room.starts += firm
    room.startS = Math.min(room.startS, p.start_s ?? 0)
    return
  }
  room.plants += Math.max(0, firm - gives)
  const water = Math.max(0, rated - Math.max(firm, gives))
  const lasts = water > 0 ? ((p?.reservoir_wh ?? 0) / (rated - firm)) * 3600 : 0
  if (lasts > 0) {
    room.water += water
    room.waterS = Math.min(room.waterS, lasts)
  }
}

/** The room upwards in words, each part with how long or when it can be had. */
export function roomWords(r: Room): string[] {
  return [
    `plants ${power(r.plants)} and ties ${power(r.ties)}, for any time`,
    r.water > 0 ? `not counted: ${power(r.water)} from stored water, at most ${duration(r.waterS)} if it is full` : '',
    r.starts > 0 ? `after a start ${power(r.starts)} more, the first ${r.startS > 0 ? 'in ' + duration(r.startS) : 'soon'}` : '',
  ].filter(Boolean)
}

const tints: [RegExp, string][] = [
  [/coal|lignite/, 'k-coal'],
  [/nuclear/, 'k-nuclear'],
  [/bio/, 'k-bio'],
  [/combined/, 'k-cycle'],
  [/oil|diesel/, 'k-oil'],
  [/gas_|gas$|turbine_gas/, 'k-gas'],
  [/hydro|water|river/, 'k-water'],
  [/wind/, 'k-wind'],
  [/solar_park/, 'k-park'],
  [/solar|household|pv/, 'k-sun'],
  [/battery|vehicle|storage/, 'k-battery'],
  [/tie/, 'k-tie'],
]
const spare = ['k-gas', 'k-cycle', 'k-nuclear', 'k-oil', 'k-bio', 'k-water', 'k-coal', 'k-wind', 'k-park']

/** A colour for each source by its fuel or technology; colours repeat only if there are too few. A word always names the source. */
export function colours(sources: string[]): string[] {
  const used = new Set<string>()
  return sources.map((source) => {
    const wanted = tints.find(([re]) => re.test(source))?.[1]
    const c = wanted && !used.has(wanted) ? wanted : (spare.find((x) => !used.has(x)) ?? 'k-coal')
    used.add(c)
    return c
  })
}
