import { describe, expect, test } from 'vitest'
import type { PlantInfo } from '../src/lib/api'
import {
  colours,
  lackOf,
  lacks,
  lackWords,
  loadingOf,
  metWithoutImport,
  roomUpwards,
  roomWords,
  supply,
  uses,
  type Source,
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

describe('room upwards is what can be had, and for how long', () => {
  const unit = (gives: number, plant: Partial<PlantInfo>, more: Partial<Source> = {}): Source => ({
    role: 'producer',
    out: false,
    reading: { power_w: -gives },
    settings: [{ name: 'rated_w', value: 50000 }] as Source['settings'],
    plant: { state: 'on', ordered: 'auto', fixed_w: null, firm_w: null, reservoir_wh: null, ...plant } as PlantInfo,
    ...more,
  })
  const pond = { firm_w: 25000, reservoir_wh: 300000 }
  const lasting = (plants: number) => ({ plants, ties: 0, water: 0, waterS: Infinity, starts: 0, startS: Infinity })
  for (const [name, u, want] of [
    ['a plant below its rating', unit(20000, {}), lasting(30000)],
    ['hydro below its inflow', unit(20000, pond), { ...lasting(5000), water: 25000, waterS: 12 * 3600 }],
    ['hydro above its inflow', unit(40000, pond), { ...lasting(0), water: 10000, waterS: 12 * 3600 }],
    ['hydro at its rating', unit(50000, pond), lasting(0)],
    ['hydro without a pond', unit(25000, { firm_w: 25000, reservoir_wh: 0 }), lasting(0)],
    ['a plant that is off', unit(0, { state: 'off', start_s: 300 }), { ...lasting(0), starts: 50000, startS: 300 }],
    ['a plant that is ordered to stop', unit(20000, { ordered: 'stop' }), lasting(0)],
    ['a plant whose output is fixed', unit(20000, { fixed_w: 20000 }), lasting(0)],
    ['a plant out of service', unit(0, {}, { out: true }), lasting(0)],
    ['wind', unit(20000, {}, { plant: undefined, reading: { power_w: -20000, curtailed_w: 0 } }), lasting(0)],
    ['before the first step', unit(0, {}, { reading: null }), lasting(0)],
    [
      'a tie',
      unit(3000, {}, { role: 'tie', plant: undefined, settings: [{ name: 'import_w', value: 10000 }] as Source['settings'] }),
      { ...lasting(0), ties: 7000 },
    ],
  ] as const)
    test(name, () => expect(roomUpwards([u])).toEqual(want))
  test('in words', () => {
    const words = (u: Source[]) => roomWords(roomUpwards(u)).map((x) => x.replace(/\u00a0/g, ' '))
    expect(words([unit(20000, {})])).toEqual(['plants 30.0 kW and ties 0 W, for any time'])
    expect(words([unit(20000, pond), unit(0, { state: 'off', start_s: 21600 })])).toEqual([
      'plants 5.00 kW and ties 0 W, for any time',
      'not counted: 25.0 kW from stored water, at most 12 h if it is full',
      'after a start 50.0 kW more, the first in 6 h',
    ])
  })
})
