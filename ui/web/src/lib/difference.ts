// Differences between two runs in words.

/** A difference with its sign, written by text, which gets its size; "none" only if it is exactly 0. */
export function more(d: number | null, text: (size: number) => string): string {
  if (d === null) return '–'
  if (d === 0) return 'none'
  const size = text(Math.abs(d))
  return parseFloat(size) === 0 ? 'almost none' : (d > 0 ? '+' : '−') + size
}

/** A difference of ratios in percentage points, to a tenth; below a tenth to a hundredth. */
export function points(d: number | null): string {
  return more(d, (size) => `${(100 * size).toFixed(100 * size < 0.1 ? 2 : 1)} points`)
}
