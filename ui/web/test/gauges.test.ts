import { describe, expect, test } from 'vitest'
import { gaugeLine, gaugesOf, had } from '../src/lib/gauges'

const gauge = (name: string, label: string, text: string) => ({ name, label, unit: '', value: text ? 1 : null, text })
const home = [
  gauge('heat_pump.room_c', 'Heat pump: room temperature', '20.9 °C'),
  gauge('hot_water.tank_c', 'Hot water: tank temperature', '54.3 °C'),
]
const car = [gauge('connector', 'Connector', 'charging'), gauge('leaves_s', 'Leaves in', '3 h 20 min')]

describe('gauges', () => {
  test('of a device of a home, and of a twin itself', () => {
    expect(gaugesOf(home, 'hot_water')).toEqual([home[1]])
    expect(gaugesOf(home)).toEqual([])
    expect(gaugesOf(home, 'hot')).toEqual([])
    expect(gaugesOf(car)).toEqual(car)
  })
  test('without those that a twin does not have', () => {
    expect(had([gauge('state', 'State', 'on'), gauge('water_j', 'Stored water', '')]).map((g) => g.name)).toEqual(['state'])
  })
  test('in one line, without those that have no value', () => {
    expect(gaugeLine(car)).toBe('Connector charging, leaves in 3 h 20 min')
    expect(gaugeLine([gauge('connector', 'Connector', 'away'), gauge('leaves_s', 'Leaves in', '')])).toBe('Connector away')
    expect(gaugeLine(gaugesOf(home, 'heat_pump'))).toBe('Room temperature 20.9 °C')
    expect(gaugeLine([])).toBe('')
  })
})
