import { describe, expect, test } from 'vitest'
import { align, crossed, energyOf, lineOf, reduce, stack, type Line } from '../src/lib/series'

/** Random numbers between 0 and 1, the same for the same seed. */
function random(seed: number) {
  let s = seed >>> 0
  return () => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return s / 2 ** 32
  }
}

describe('reduce', () => {
  for (let seed = 1; seed <= 50; seed++) {
    test(`keeps least and greatest values and every gap, seed ${seed}`, () => {
      const r = random(seed)
      const size = 100 + Math.floor(r() * 3000),
        n = 1 + Math.floor(r() * 40)
      const line: Line = { t: [], v: [] }
      for (let i = 0; i < size; i++) {
        line.t.push(i)
        line.v.push(r() < 0.01 ? null : r() * 2000 - 1000)
      }
      const out = reduce(line, n)
      const known = (l: Line) => l.v.filter((x): x is number => x !== null)
      expect(Math.max(...known(out))).toBe(Math.max(...known(line)))
      expect(Math.min(...known(out))).toBe(Math.min(...known(line)))
      expect(out.t.length).toBeLessThanOrEqual(Math.max(3 * n, size <= 2 * n ? size : 0))
      expect(out.t).toEqual([...out.t].sort((a, b) => a - b))
      if (size > 2 * n)
        for (let b = 0; b < n; b++) {
          const lo = Math.floor((b * size) / n),
            hi = Math.floor(((b + 1) * size) / n)
          const gap = line.v.slice(lo, hi).includes(null)
          expect(out.t.some((t, i) => t >= lo && t < hi && out.v[i] === null)).toBe(gap)
        }
      for (const [i, t] of out.t.entries()) expect(out.v[i]).toBe(line.v[t])
    })
  }
  test('a short series is returned unchanged', () => {
    const l = { t: [0, 1], v: [1, null] }
    expect(reduce(l, 5)).toBe(l)
  })
})

describe('align', () => {
  test('interpolates between neighbours, not over a gap and not beyond the ends', () => {
    const { t, v } = align([
      { t: [0, 4, 8], v: [0, 4, null] },
      { t: [2, 6, 10], v: [1, 1, 1] },
    ])
    expect(t).toEqual([0, 2, 4, 6, 8, 10])
    expect(v).toEqual([
      [0, 2, 4, null, null, null],
      [null, 1, 1, 1, 1, 1],
    ])
  })
  test('no series', () => expect(align([])).toEqual({ t: [], v: [] }))
})

test('stack adds from below and keeps gaps', () => {
  expect(
    stack([
      [1, 2, null],
      [10, null, 5],
    ]),
  ).toEqual([
    [1, 2, null],
    [11, null, null],
  ])
})

test('energy counts gaps and does not fill them', () => {
  expect(energyOf({ t: [0, 1, 2], v: [1000, null, 3000] }, 900)).toEqual({ wh: 1000, gaps: 1 })
})

test('import and export are never netted over time', () => {
  expect(crossed([1000, null, -400, -600, 3000], 900)).toEqual({ import: 1000, export: 250 })
})

test('a column that an answer lacks is an empty line', () => {
  const answer = { series: [{ name: 'load_w', t: [0], v: [1] }] }
  expect(lineOf(answer, 'load_w').v).toEqual([1])
  expect(lineOf(answer, 'soc')).toEqual({ t: [], v: [] })
  expect(lineOf(null, 'soc')).toEqual({ t: [], v: [] })
})
