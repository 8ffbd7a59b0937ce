import { expect, test } from 'vitest'
import type { CommandInfo, EventInfo, PlantInfo, TwinInfo } from '../src/lib/api'
import { orderWords, plantSeen, plantWords } from '../src/lib/plant'
import { deferred } from '../src/lib/deferred'

const twin = (w: number, settings: Record<string, number>, word = 'auto') =>
  ({
    path: 'grid/s/engine',
    reading: { power_w: w },
    settings: Object.entries({ available: 1, rated_w: 100000, order: 0, fixed_w: 0, sold_share: 0, ...settings }).map(([name, value]) => ({
      name,
      value,
      word: name === 'order' ? word : '',
    })),
  }) as unknown as TwinInfo
const event = (type: string, tick: number, fields = {}) => ({ type, tick, fields, path: 'grid/s/engine', time: '' }) as EventInfo
const order = (tick: number) => ({ tick, target: 'grid/s/engine', setting: 'fixed_w', value: 50000 }) as CommandInfo
const say = (t: TwinInfo, events: EventInfo[], tick: number, commands: CommandInfo[] = []) =>
  plantWords(plantSeen(t, events, commands, tick, 60), false, (k) => 'step ' + k).replace(/\u00a0/g, ' ')

test('a plant that starts says when it is ready, and no longer once it is', () => {
  const begun = [event('producer.starting', 4, { ready_tick: 9 }), event('producer.stopped', 2)]
  expect(say(twin(0, {}, 'run'), begun, 4)).toBe('starts, ready at step 9, ordered to run')
  expect(say(twin(-50000, {}, 'run'), begun, 9)).toBe('feeds in 50.0 kW, 50 % of its rating, ordered to run')
  expect(say(twin(0, {}, 'stop'), [event('producer.stopped', 10), ...begun], 10)).toBe('stands still, ordered to stop')
})
test('an output is fixed for an hour from its command on', () => {
  expect(say(twin(-50000, { fixed_w: 50000 }), [], 10, [order(10)])).toContain('fixed at 50.0 kW until step 70')
  expect(say(twin(-50000, { fixed_w: 50000 }), [], 70, [order(10)])).not.toContain('fixed')
  expect(say(twin(-50000, { fixed_w: 50000 }), [], 9, [order(10)])).not.toContain('fixed')
})
test('out of service is all that is said of a plant that tripped', () => {
  expect(say(twin(0, { available: 0, sold_share: 0.5 }, 'run'), [], 5)).toBe('out of service')
  expect(say(twin(0, { sold_share: 0.5 }), [], 5)).toBe('stands still, 50 % of its rating sold')
})
test('who waits is added up by what it is and why, cuts first', () => {
  const d = (path: string, reason: string, shifted_w: number, unserved_w = 0) => ({
    path,
    reason,
    shifted_w,
    unserved_w,
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
    '2 vehicles wait, 7.00 kW, because of too little production',
    '1 vehicle waits, 100 W, because of the limit of the community',
  ])
})

// Coal as it ships: 3, 6 and 10 h by heat, warm after 11 h, cold after 60, off for at least 8.
const coal: PlantInfo = {
  state: 'on',
  since: null,
  heat: '',
  start_s: null,
  startable: null,
  stoppable: null,
  start_hot_s: 10800,
  start_warm_s: 21600,
  start_cold_s: 36000,
  warm_after_s: 39600,
  cold_after_s: 216000,
  min_up_s: 28800,
  min_down_s: 28800,
}
const means = (p: Partial<PlantInfo>, tick = 100, step = 900) =>
  orderWords({ ...coal, ...p }, tick, step, (k) => 'step ' + k).replace(/\u00a0/g, ' ')
test('what an order means is told before it is given', () => {
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
test('heats that make no difference are not told', () => {
  const engine = { start_hot_s: 300, start_warm_s: 300, start_cold_s: 300, warm_after_s: 0, cold_after_s: 0, min_down_s: 0, min_up_s: 0 }
  expect(means(engine)).toBe('After a stop a start takes 5 min.')
  expect(means({ ...engine, state: 'off', heat: 'cold', start_s: 300 }, 4, 60)).toBe(
    'It is cold: a start takes 5 min; ordered now, it feeds in from step 10.',
  )
})
