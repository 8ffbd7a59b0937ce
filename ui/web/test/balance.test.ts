import { expect, test } from 'vitest'
import { sides } from '../src/lib/balance'

test('sources equal uses to the milliwatt, whatever the numbers', () => {
  let s = 7
  const next = () => {
    s = (Math.imul(s, 1103515245) + 12345) >>> 0
    return s / 2 ** 32
  }
  for (let round = 0; round < 500; round++) {
    const parts = Array.from({ length: 1 + Math.floor(next() * 8) }, (_, i) => ({
      name: 'p' + i,
      w: Math.round((next() - 0.5) * 2e7) / 1000,
    }))
    const net = parts.reduce((a, p) => a + Math.round(p.w * 1000), 0) / 1000
    expect(sides(parts, net).residual, `round ${round}`).toBe(0)
  }
})
test('a difference is shown as the residual', () => {
  const s = sides([{ name: 'load', w: 1000 }], 999)
  expect([s.in, s.out, s.residual]).toEqual([999, 1000, -1])
})
test('no powers', () => expect(sides([], 0)).toEqual({ from: [], to: [], in: 0, out: 0, residual: 0 }))
