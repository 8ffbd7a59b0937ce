// Prepares series of the API for one chart: on one axis, reduced to what a screen can show, stacked.

export interface Line {
  t: number[]
  v: (number | null)[]
}

/**
 * Puts series on the union of their ticks. Where a series has no point of its own, because the server kept only
 * least and greatest values, it is interpolated between its neighbours; next to a null it stays a gap.
 */
export function align(lines: Line[]): { t: number[]; v: (number | null)[][] } {
  const t = [...new Set(lines.flatMap((l) => l.t))].sort((a, b) => a - b)
  const v = lines.map((l) => {
    let i = 0
    return t.map((at) => {
      while (i < l.t.length && (l.t[i] as number) < at) i++
      if (i < l.t.length && l.t[i] === at) return l.v[i] ?? null
      if (i === 0 || i === l.t.length) return null
      const a = l.v[i - 1],
        b = l.v[i]
      if (a === null || a === undefined || b === null || b === undefined) return null
      const t0 = l.t[i - 1] as number,
        t1 = l.t[i] as number
      return a + ((b - a) * (at - t0)) / (t1 - t0)
    })
  })
  return { t, v }
}

/**
 * Keeps the least and the greatest value of each of n parts of a series, in their order, and one null for each part that
 * has a gap, so that no peak and no gap is lost. Short series are returned unchanged.
 */
export function reduce(line: Line, n: number): Line {
  const size = line.t.length
  if (n < 1 || size <= 2 * n) return line
  const t: number[] = [],
    v: (number | null)[] = []
  for (let b = 0; b < n; b++) {
    const from = Math.floor((b * size) / n),
      to = Math.floor(((b + 1) * size) / n)
    let lo = -1,
      hi = -1,
      gap = -1
    for (let i = from; i < to; i++) {
      const x = line.v[i]
      if (x === null || x === undefined || !Number.isFinite(x)) {
        gap = gap < 0 ? i : gap
        continue
      }
      if (lo < 0 || x < (line.v[lo] as number)) lo = i
      if (hi < 0 || x > (line.v[hi] as number)) hi = i
    }
    for (const i of [...new Set([lo, hi, gap])].filter((x) => x >= 0).sort((a, c) => a - c)) {
      t.push(line.t[i] as number)
      v.push(i === gap ? null : (line.v[i] as number))
    }
  }
  return { t, v }
}

/** Sums from the bottom up: the k-th is the top of the k-th layer. A gap in one layer is a gap in all above. */
export function stack(layers: (number | null)[][]): (number | null)[][] {
  const out: (number | null)[][] = []
  for (const layer of layers) {
    const below = out[out.length - 1]
    out.push(
      layer.map((x, i) => {
        const y = below ? below[i] : 0
        return x === null || x === undefined || y === null || y === undefined ? null : x + y
      }),
    )
  }
  return out
}

/** Energy in Wh of a power in W over steps of equal length. Gaps count as 0, and their number is returned too. */
export function energyOf(line: Line, stepS: number): { wh: number; gaps: number } {
  let wh = 0,
    gaps = 0
  for (const x of line.v) {
    if (x === null || x === undefined) gaps++
    else wh += (x * stepS) / 3600
  }
  return { wh, gaps }
}

/** The column of an answer with a name; an empty line if it has none. */
export const lineOf = (s: { series: (Line & { name: string })[] } | null | undefined, name: string): Line =>
  s?.series.find((x) => x.name === name) ?? { t: [], v: [] }

/** Energy in Wh of powers in W over steps of equal length; gaps count as 0. */
export const energyIn = (v: Line['v'], stepS: number): number => energyOf({ t: [], v }, stepS).wh

/** Energies in Wh that were imported and exported where net power, in W, is above 0 for import; never netted over time. */
export function crossed(net: Line['v'], stepS: number): { import: number; export: number } {
  const above = (sign: number) =>
    energyIn(
      net.map((x) => Math.max(0, sign * (x ?? 0))),
      stepS,
    )
  return { import: above(1), export: above(-1) }
}
