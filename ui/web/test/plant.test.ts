import { expect, test } from 'vitest'
import type { PlantInfo } from '../src/lib/api'
import { orderWords, plantWords, type Unit } from '../src/lib/plant'
import { deferred } from '../src/lib/deferred'

// The shipped coal plant: starts in 3, 6 and 10 h by heat, warm after 11 h, cold after 60, off for at least 8.
const coal: PlantInfo = {
  state: 'on',
  since: null,
  heat: '',
  start_s: null,
  startable: null,
  stoppable: null,
  ordered: 'auto',
  starts_until: null,
  fixed_w: null,
  fixed_until: null,
  sold_share: 0,
  firm_w: null,
  reservoir_wh: null,
  start_hot_s: 10800,
  start_warm_s: 21600,
  start_cold_s: 36000,
  warm_after_s: 39600,
  cold_after_s: 216000,
  min_up_s: 28800,
  min_down_s: 28800,
}
const say = (w: number, plant: Partial<PlantInfo>, more: Partial<Unit> = {}) =>
  plantWords(
    {
      path: 'grid/s/engine',
      role: 'producer',
      reading: { power_w: w },
      settings: [{ name: 'rated_w', value: 100000 }] as Unit['settings'],
      gauges: [],
      out: false,
      plant: { ...coal, ...plant },
      ...more,
    },
    (k) => 'step ' + k,
  ).replace(/\u00a0/g, ' ')

test('a plant that starts shows when it is ready', () => {
  expect(say(0, { state: 'starting', ordered: 'run', starts_until: 9 })).toBe('starts, ready at step 9, ordered to run')
  expect(say(-50000, { ordered: 'run' })).toBe('feeds in 50.0 kW, 50 % of its rating, ordered to run')
  expect(say(0, { state: 'off', ordered: 'stop' })).toBe('stands still, ordered to stop')
})
test('an output is fixed until the step that the server gives', () => {
  expect(say(-50000, { fixed_w: 50000, fixed_until: 70 })).toBe('feeds in 50.0 kW, 50 % of its rating, fixed at 50.0 kW until step 70')
})
test('a tripped plant shows only that it is out of service', () => {
  expect(say(0, { ordered: 'run', sold_share: 0.5 }, { out: true })).toBe('out of service')
  expect(say(0, { sold_share: 0.5 })).toBe('stands still, 50 % of its rating sold')
})
test('limited water is shown with its level', () => {
  const water = [{ name: 'water_j', label: 'Stored water', unit: 'J', value: 5.4e8, text: '150.0 kWh' }]
  expect(say(-50000, {}, { gauges: water })).toBe('feeds in 50.0 kW, 50 % of its rating, 150.0 kWh of water stored')
})
test('a tie imports and exports, and follows no orders', () => {
  expect(say(-2000, {}, { role: 'tie', plant: undefined, settings: [] })).toBe('imports 2.00 kW')
  expect(say(0, {}, { role: 'tie', plant: undefined, settings: [], out: true })).toBe('out of service')
})
test('decisions are summed by kind and reason, cuts first', () => {
  const d = (path: string, reason: string, shifted_w: number, unserved_w = 0) => ({
    path,
    reason,
    shifted_w,
    unserved_w,
    waiting_w: 0,
    curtailed_w: 0,
    tick: 1,
    time: '',
    power_w: 0,
  })
  const lines = deferred([
    d('g/c/vehicle-1', 'scarcity', 3000),
    d('g/c/vehicle-2', 'scarcity', 4000),
    d('g/c/vehicle-3', 'limit', 100),
    d('g/c/household-1', 'shed', 0, 500),
    d('g/c/battery-1', 'scarcity', 0),
  ]).map((x) => x.text.replace(/\u00a0/g, ' '))
  expect(lines).toEqual([
    '1 household is not served, 500 W, because of load that had to be shed',
    '2 vehicles are shifted to later, 7.00 kW, because of too little production',
    '1 vehicle is shifted to later, 100 W, because of the limit of the community',
  ])
})

const means = (p: Partial<PlantInfo>, tick = 100, step = 900) =>
  orderWords({ ...coal, ...p }, tick, step, (k) => 'step ' + k).replace(/\u00a0/g, ' ')
test('the effect of an order is shown before it is given', () => {
  expect(means({})).toBe('After a stop it stays off for at least 8 h, and a start takes 3 h, after 11 h off 6 h, after 2.5 d off 10 h.')
  expect(means({ stoppable: 110 })).toContain('Before step 110 a stop comes sooner than its least time of 8 h.')
  expect(means({ state: 'off', heat: 'warm', start_s: 21600 })).toBe(
    'It is warm: a start takes 6 h; ordered now, it feeds in from step 125.',
  )
  expect(means({ state: 'off', heat: 'hot', start_s: 10800, startable: 104 })).toBe(
    'It is hot: a start takes 3 h and begins at step 104, when it has been off for 8 h; ordered now, it feeds in from step 116.',
  )
  expect(means({ state: 'starting' })).toBe('Stopped now, it has to start anew: 3 h, after 11 h off 6 h, after 2.5 d off 10 h.')
  expect(means({ warm_after_s: 3600 })).toContain('a start takes 6 h, after 2.5 d off 10 h.')
})
test('heats that make no difference are left out', () => {
  const engine = { start_hot_s: 300, start_warm_s: 300, start_cold_s: 300, warm_after_s: 0, cold_after_s: 0, min_down_s: 0, min_up_s: 0 }
  expect(means(engine)).toBe('After a stop a start takes 5 min.')
  expect(means({ ...engine, state: 'off', heat: 'cold', start_s: 300 }, 4, 60)).toBe(
    'It is cold: a start takes 5 min; ordered now, it feeds in from step 10.',
  )
})
