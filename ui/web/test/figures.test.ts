import { describe, expect, test } from 'vitest'
import { loadingOf, metWithoutImport, supply, uses, colours } from '../src/lib/figures'

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
