// Sources and uses of power at one meter, as two columns of equal height.

export interface Part {
  name: string
  w: number
  href?: string
  detail?: string
}
export interface Sides {
  from: Part[]
  to: Part[]
  in: number
  out: number
  residual: number
}

/**
 * Splits signed powers at a meter (+ draws, − injects) into sources and uses. The grid balances the two; what it does
 * not balance is the residual. Sums are in whole milliwatts, so that they are exact.
 */
export function sides(parts: Part[], grid: number): Sides {
  const all: Part[] = [...parts, { name: 'Grid', w: -grid }]
  const from = all.filter((p) => Math.round(p.w) < 0).map((p) => ({ ...p, w: -p.w }))
  const to = all.filter((p) => Math.round(p.w) > 0)
  const mw = (ps: Part[]) => ps.reduce((s, p) => s + Math.round(p.w * 1000), 0)
  const total = all.reduce((s, p) => s + Math.round(p.w * 1000), 0)
  return { from, to, in: mw(from) / 1000, out: mw(to) / 1000, residual: -total / 1000 || 0 }
}
