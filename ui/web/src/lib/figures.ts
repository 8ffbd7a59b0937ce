// Figures calculated from the API's columns. Each is one formula with its name in the trade.

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
