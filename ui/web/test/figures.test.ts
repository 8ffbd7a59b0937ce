import { describe, expect, test } from 'vitest'
import {
  alertTimes,
  colours,
  lackOf,
  lacks,
  lackWords,
  loadingOf,
  metWithoutImport,
  ratioWords,
  roomWords,
  sumToHundred,
  supply,
  uses,
} from '../src/lib/figures'

describe('met without import', () => {
  test('all of it', () => expect(metWithoutImport(10, 0)).toBe(1))
  test('a quarter', () => expect(metWithoutImport(10, 7.5)).toBe(0.25))
  test('more imported than used', () => expect(metWithoutImport(10, 12)).toBe(0))
  test('nothing used', () => expect(metWithoutImport(0, 0)).toBeNull())
})
test('loading counts both directions, and nothing without a limit', () => {
  expect([
    loadingOf({ power_w: -60, limit_w: 75 }),
    loadingOf({ power_w: 60, limit_w: 75 }),
    loadingOf({ power_w: 60, limit_w: 0 }),
  ]).toEqual([0.8, 0.8, null])
})
test('supply less uses is the residual', () => {
  const row = {
    generation_w: 100,
    discharge_w: 20,
    import_w: 5,
    relief_w: 1,
    load_w: 90,
    charge_w: 30,
    export_w: 3,
    network_loss_w: 2,
    kinetic_w: 1,
  }
  expect(supply(row) - uses(row)).toBe(0)
  for (const k of Object.keys(row)) expect(supply({ ...row, [k]: 0 }) - uses({ ...row, [k]: 0 }), k).not.toBe(0)
})
test('sources have different colours', () => {
  const names = ['coal', 'biogas', 'gas_engine', 'hydro', 'wind_farm', 'solar_park', 'household', 'battery', 'tie']
  expect(new Set(colours(names)).size).toBe(names.length)
  const city = ['nuclear', 'coal', 'hydro', 'combined_cycle', 'gas_turbine', 'oil', 'solar_park', 'household', 'waste', 'peat']
  expect(new Set(colours(city)).size).toBe(city.length)
})

describe('what lacks is said, the worst first', () => {
  const plain = (s: string[]) => s.map((x) => x.replace(/\u00a0/g, ' '))
  for (const [name, row, want] of [
    ['all is served', { load_w: 5 }, []],
    ['cut', { unserved_w: 129000 }, ['129 kW not served']],
    ['waiting since this step', { waiting_w: 12000, waiting_j: 7.2e6 }, ['12.0 kW waiting']],
    ['waiting since before', { waiting_j: 7.2e6 }, ['load waiting']],
    ['both', { unserved_w: 1000, waiting_w: 2000, waiting_j: 7.2e6 }, ['1.00 kW not served', '2.00 kW waiting']],
  ] as const)
    test(name, () => {
      const l = lackOf(row)
      expect(plain(lackWords(l))).toEqual(want)
      expect(lacks(l)).toBe(want.length > 0)
    })
  test('a home adds up its devices, and joules become watt hours', () => {
    expect(lackOf({ unserved_w: 1, unserved_essential_w: 1 }, { unserved_w: 2, waiting_w: 3, waiting_j: 3600 })).toEqual({
      cut: 3,
      essential: 1,
      late: 3,
      waits: 1,
    })
  })
})

describe('room upwards is said with its time', () => {
  const room = { within_s: 900, for_s: 3600, up_w: 30000, secure_w: 12000, starts_w: 0, starts_s: null }
  for (const [name, more, want] of [
    ['plants that run', {}, ''],
    ['one that has to start', { starts_w: 50000, starts_s: 21600 }, 'after a start 50.0 kW more, the first in 6 h'],
    ['one that may start at once', { starts_w: 50000, starts_s: 0 }, 'after a start 50.0 kW more, the first soon'],
    ['one of which it is not known when', { starts_w: 50000 }, 'after a start 50.0 kW more'],
  ] as const)
    test(name, () =>
      expect(roomWords({ ...room, ...more }).map((x) => x.replace(/\u00a0/g, ' '))).toEqual([
        '30.0 kW within 15 min, for 60 min',
        '12.0 kW of it with the loss of any single plant or tie still covered',
        ...(want ? [want] : []),
      ]),
    )
})

describe('ratios of the run', () => {
  const ratio = (name: string, value: number | null) => ({ name, label: name, value, definition: 'a ÷ b' })
  const said = (renewable: number | null, unknown: number | null) =>
    ratioWords([ratio('renewable_share', renewable), ratio('renewable_share_unknown', unknown)]).map((r) => r.text.replace(/\u00a0/g, ' '))
  test('known', () => expect(said(0.434, 0.12)).toEqual(['43.4 %', '12.0 %']))
  test('a share of which nothing is known is not 0', () => expect(said(0, 1)).toEqual(['unknown', '100.0 %']))
  test('nothing was consumed', () => expect(said(null, null)).toEqual(['none yet', 'none yet']))
})

describe('shares that add up to 100 %', () => {
  const third = 1 / 3
  // The same rows as TestSumToHundred of sim/views.
  for (const [shares, want] of [
    [
      [third, third, third],
      [33.4, 33.3, 33.3],
    ],
    [
      [0.43449, 0.44549, 0.12002],
      [43.5, 44.5, 12],
    ],
    [
      [1, 0, 0],
      [100, 0, 0],
    ],
    [
      [0.99996, 0.00002, 0.00002],
      [100, 0, 0],
    ],
    [
      [0.0005, 0.0005, 0.999],
      [0.1, 0, 99.9],
    ],
  ] as [number[], number[]][])
    test(`${shares}`, () => expect(sumToHundred(shares)).toEqual(want))
  test('are shown so', () =>
    expect(
      ratioWords([
        { name: 'self_sufficiency', label: 'a', value: third },
        { name: 'renewable_share', label: 'b', value: third },
        { name: 'non_renewable_share', label: 'c', value: third },
        { name: 'renewable_share_unknown', label: 'd', value: third },
      ]).map((r) => r.text.replace(/\u00a0/g, ' ')),
    ).toEqual(['33.3 %', '33.4 %', '33.3 %', '33.3 %']))
})

test('an alert says what is counted', () =>
  expect([alertTimes(1), alertTimes(24, 'member-steps'), alertTimes(1, 'events')]).toEqual(['1 step', '24 member-steps', '1 event']))
