// Figures calculated from the API's columns. Each is one formula with its name in the trade.
import type { Energy, RoomInfo } from './api'
import { count, duration, energy, percent, power } from './format'

/** Figures by the names of their columns; null where there is none. */
export type Row = Record<string, number | null>
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
    'What storage and vehicles held before them counts as met, so it is not the self-sufficiency of the run.',
  offset:
    'Energy offset: produced ÷ consumed over all the steps that are shown, whether at the same time or not; it may be over 100 %, ' +
    'and is not the self-consumption of the run.',
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

/** The room upwards in words: how much, how soon and for how long, and what is left beside a reserve. */
export function roomWords(r: RoomInfo): string[] {
  return [
    `${power(r.up_w)} within ${duration(r.within_s)}, for ${duration(r.for_s)}`,
    `${power(r.secure_w)} of it with the loss of any single plant or tie still covered`,
    r.starts_w > 0
      ? `after a start ${power(r.starts_w)} more` +
        (r.starts_s === null ? '' : `, the first ${r.starts_s > 0 ? 'in ' + duration(r.starts_s) : 'soon'}`)
      : '',
  ].filter(Boolean)
}

/**
 * How often an alert's rule held, and what is counted: "11 steps", "24 member-steps" (each home, vehicle or battery in
 * each step), "3 events".
 */
export function alertTimes(n: number, counts = 'steps'): string {
  return `${count(n)} ${n === 1 ? counts.replace(/s$/, '') : counts}`
}

/** The shares of consumption by source: together they are 1. */
const bySource = ['renewable_share', 'non_renewable_share', 'renewable_share_unknown']

/** Shares that add up to 1, in percent with one decimal that add up to 100: rounded down, and the largest remainders up. */
export function sumToHundred(shares: number[]): number[] {
  const tenths = shares.map((s) => Math.floor(1000 * s))
  const rest = 1000 - tenths.reduce((a, b) => a + b, 0)
  const order = shares.map((s, i) => ({ i, left: 1000 * s - (tenths[i] ?? 0) })).sort((a, b) => b.left - a.left)
  for (const { i } of order.slice(0, Math.max(0, rest))) tenths[i] = (tenths[i] ?? 0) + 1
  return tenths.map((n) => n / 10)
}

/** Ratios in words. The shares by source add up to 100 %; if nothing is known of the origin, the others are unknown, not 0. */
export function ratioWords(ratios: { name: string; label: string; value: number | null }[]): { label: string; text: string }[] {
  const parts = ratios.filter((r) => bySource.includes(r.name))
  const whole = parts.length === 3 && parts.every((r) => r.value !== null) ? sumToHundred(parts.map((r) => r.value ?? 0)) : []
  const nothing = (parts.find((r) => r.name === 'renewable_share_unknown')?.value ?? 0) > 0.9995
  const text = (r: (typeof ratios)[number]) => {
    if (r.value === null) return 'none yet'
    if (nothing && parts.includes(r) && r.name !== 'renewable_share_unknown') return 'unknown'
    const share = whole[parts.indexOf(r)]
    return percent(share === undefined ? r.value : share / 100, 1)
  }
  return ratios.map((r) => ({ label: r.label, text: text(r) }))
}

/** The energies of the ratios in words. */
export const energyWords = (all: Energy[]) => all.map((e) => ({ label: e.label, text: energy(e.wh) }))

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
