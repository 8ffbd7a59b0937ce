import { describe, expect, test } from 'vitest'
import * as f from '../src/lib/format'

const plainSpaces = (s: string) => s.replace(/\u00a0/g, ' ')

describe('power and energy keep three digits and their own units', () => {
  for (const [w, want] of [
    [0, '0 W'],
    [-0.4, '0 W'],
    [840, '840 W'],
    [999.6, '1.00 kW'],
    [3204, '3.20 kW'],
    [-3204, '−3.20 kW'],
    [404800, '405 kW'],
    [999960, '1.00 MW'],
    [5150000, '5.15 MW'],
    [2.5e9, '2.50 GW'],
    [9e17, '900000 TW'],
  ] as const) {
    test(`${w} W`, () => {
      expect(plainSpaces(f.power(w))).toBe(want)
      expect(plainSpaces(f.energy(w))).toBe(want + 'h')
    })
  }
  test('an unknown value is a dash', () => {
    for (const x of [null, undefined, NaN, Infinity]) expect(f.power(x)).toBe('–')
  })
})

describe('directions in words', () => {
  test('imports', () => expect(plainSpaces(f.direction(3200, f.gridWords))).toBe('imports 3.20 kW'))
  test('exports', () => expect(plainSpaces(f.direction(-3200, f.gridWords))).toBe('exports 3.20 kW'))
  test('neither', () => expect(f.direction(0.2, f.gridWords)).toBe('no net flow'))
  test('arrows differ', () => expect(new Set([1, 0, -1].map((x) => f.arrow(x))).size).toBe(3))
})

describe('times are in the zone of the simulation', () => {
  const ms = Date.UTC(2018, 0, 8, 16, 45)
  test('winter', () => {
    expect(f.dateTime(ms, 'Europe/Berlin')).toBe('Mon 8 Jan 2018, 17:45')
  })
  test('midnight is 00, not 24', () => expect(f.time(Date.UTC(2018, 0, 7, 23), 'Europe/Berlin')).toBe('00:00'))
  test('an unknown zone', () => expect(f.time(ms, 'Moon/Base')).toBe('16:45'))
})

describe('loading has four levels', () => {
  for (const [x, level] of [
    [0, 0],
    [0.499, 0],
    [0.5, 1],
    [0.8, 2],
    [1, 2],
    [1.001, 3],
  ] as const)
    test(String(x), () => expect(f.loading(x)?.level).toBe(level))
  test('no limit', () => expect(f.loading(null)).toBeNull())
})

test('percent, durations, speeds', () => {
  expect(plainSpaces(f.percent(0.974, 1))).toBe('97.4 %')
  expect(plainSpaces(f.percent(-0.001))).toBe('0 %')
  expect(['90 s', '15 min', '2 h', '3 d']).toEqual([90, 900, 7200, 3 * 86400].map((s) => plainSpaces(f.duration(s))))
  expect([f.speed(0), f.speed(600), f.speed(1.234), f.speed(14400)]).toEqual(['max', '600×', '1.23×', '14,400×'])
})
