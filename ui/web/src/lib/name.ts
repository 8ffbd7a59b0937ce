// Names of columns and settings in words: power_w is "Power", shown with its unit and its direction.
import { drawWords, direction, energy, gridWords, hertz, percent, plain, power, reactive, storageWords } from './format'
import { words } from './words'

const names: Record<string, string> = {
  power_w: 'Net power',
  load_w: 'Consumption',
  generation_w: 'Generation',
  charge_w: 'Storage charges',
  discharge_w: 'Storage discharges',
  import_w: 'Import over ties',
  export_w: 'Export over ties',
  network_loss_w: 'Network losses',
  unserved_w: 'Unserved',
  unserved_essential_w: 'Of it essential',
  curtailed_w: 'Curtailed',
  shifted_w: 'Shifted to later',
  waiting_w: 'Waiting since this step',
  waiting_j: 'Waiting, in all',
  room_below_kh: 'Room below its band',
  tank_below_kh: 'Tank below its band',
  reactive_var: 'Reactive power',
  stored_j: 'Stored',
  limit_w: 'Limit',
  frequency_hz: 'Frequency',
  frequency_min_hz: 'Least frequency',
  frequency_max_hz: 'Greatest frequency',
  residual_w: 'Residual',
  price_eur_per_mwh: 'Price',
  co2_g_per_kwh: 'Carbon',
  soc: 'State of charge',
  driven_j: 'Driven',
  elsewhere_j: 'Charged elsewhere',
  reason: 'Reason',
  relief_w: 'Load relief',
  kinetic_w: 'Into rotating masses',
  available: 'In service',
  rated_w: 'Rated power',
  rated_wh: 'Rated energy',
  reserve_soc: 'Kept in reserve',
  peak_w: 'Peak to keep under',
  mode: 'Mode',
  cost_eur_per_mwh: 'Cost',
  setpoint_c: 'Set temperature',
  scale: 'Scale',
  count: 'Count',
  max_wait_h: 'May wait',
  order: 'Order',
  fixed_w: 'Fixed output',
  sold_share: 'Share sold',
}

export function named(column: string): string {
  const [head, tail] = column.includes('.') ? [column.slice(0, column.indexOf('.')), column.slice(column.indexOf('.') + 1)] : ['', column]
  const name = names[tail] ?? names[tail.replace(/_wh$/, '_w')] ?? words(tail.replace(/_(w|wh|j|var|c|h|kh|hz)$/, ''))
  return head ? `${words(head)}: ${name.charAt(0).toLowerCase()}${name.slice(1)}` : name
}

/** A value in the unit that its name ends with. Joules are converted to watt hours. */
export function valued(column: string, v: number | null | undefined): string {
  if (v === null || v === undefined) return '–'
  const tail = column.slice(column.indexOf('.') + 1)
  if (tail.endsWith('_wh')) return energy(v)
  if (tail.endsWith('_w')) return power(v)
  if (tail.endsWith('_var')) return reactive(v)
  if (tail.endsWith('_j')) return energy(v / 3600)
  if (/(soc|share)$/.test(tail)) return percent(v, 1)
  if (tail.endsWith('_hz')) return hertz(v)
  if (tail.endsWith('_c')) return plain(v) + ' °C'
  if (tail.endsWith('_kh')) return plain(v) + ' K·h'
  if (tail.endsWith('_h')) return plain(v) + ' h'
  if (tail.endsWith('eur_per_mwh')) return v.toFixed(2) + ' €/MWh'
  if (tail.endsWith('g_per_kwh')) return plain(v) + ' g/kWh'
  return plain(v)
}

/** A column of a reading for the page; net powers are shown with their direction. reasons are the catalogue's. */
export function figure(column: string, v: number | null, role: string, reasons: string[]): { name: string; text: string } {
  if (column === 'power_w') {
    const w = role === 'storage' ? storageWords : role === 'node' || role === 'load' ? gridWords : drawWords
    return { name: named(column), text: direction(v, w) }
  }
  if (column === 'reason' && v !== null) return { name: named(column), text: reasons[v] || 'as wanted' }
  if (column === 'limit_w' && v === null) return { name: named(column), text: 'none' }
  return { name: named(column), text: valued(column, v) }
}
