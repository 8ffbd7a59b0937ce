import { expect, test } from 'vitest'
import { named, valued } from '../src/lib/name'

test.each([
  ['waiting_w', 1200, 'Waiting since this step', '1.20 kW'],
  ['waiting_j', 7.2e6, 'Waiting, in all', '2.00 kWh'],
  ['room_below_kh', 1.5, 'Room below its band', '1.5 K·h'],
  ['tank_below_kh', 0.25, 'Tank below its band', '0.25 K·h'],
  ['heat_pump.room_below_kh', 2, 'Heat pump: room below its band', '2 K·h'],
  ['max_wait_h', 3, 'May wait', '3 h'],
])('%s has a name and a unit', (column, v, name, text) => {
  expect([named(column), valued(column, v).replace(/\u00a0/g, ' ')]).toEqual([name, text])
})
