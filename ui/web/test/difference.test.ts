import { expect, test } from 'vitest'
import { more, points } from '../src/lib/difference'
import { energy } from '../src/lib/format'

test.each([
  [null, '–'],
  [0, 'none'],
  [0.04, '+4.0 points'],
  [-0.0123, '−1.2 points'],
  [0.001, '+0.1 points'],
  [0.00051, '+0.05 points'],
  [-0.00049, '−0.05 points'],
  [0.0001, '+0.01 points'],
  [0.00001, 'almost none'],
  [-1e-9, 'almost none'],
])('a difference of ratios of %s is %s', (d, text) => {
  expect(points(d)).toBe(text)
})

test.each([
  [null, '–'],
  [0, 'none'],
  [0.2, 'almost none'],
  [1520, '+1.52 kWh'],
  [-40, '−40 Wh'],
])('a difference of energies of %s Wh is %s', (d, text) => {
  expect(more(d, energy).replace(/\u00a0/g, ' ')).toBe(text)
})
