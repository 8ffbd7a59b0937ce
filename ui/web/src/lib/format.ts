// Writes numbers for people. Powers and energies have separate functions, so that one is never written as the other.

const nbsp = '\u00a0'
const minus = '−'
const none = '–'

function scaled(value: number, unit: string, digits: number): string {
  const size = Math.abs(value)
  // The prefix is chosen after rounding: 999.96 kW is written 1.00 MW, not 1000 kW.
  const steps: [number, string][] = [
    [1, ''],
    [1e3, 'k'],
    [1e6, 'M'],
    [1e9, 'G'],
    [1e12, 'T'],
  ]
  for (const [i, [by, prefix]] of steps.entries()) {
    const shown = size / by
    const places = i === 0 ? 0 : Math.max(0, digits - 1 - Math.max(0, Math.floor(Math.log10(shown || 1))))
    const text = shown.toFixed(places)
    if (Number(text) < 1000 || i === steps.length - 1) {
      const sign = value < 0 && Number(text) !== 0 ? minus : ''
      return sign + text + nbsp + prefix + unit
    }
  }
  return none
}

function known(value: number | null | undefined): value is number {
  return typeof value === 'number' && Number.isFinite(value)
}

/** Power in W as a person reads it: 0 W, 840 W, 3.20 kW, 405 kW. */
export function power(w: number | null | undefined): string {
  return known(w) ? scaled(w, 'W', 3) : none
}

/** Energy in Wh: 0 Wh, 840 Wh, 3.20 kWh. */
export function energy(wh: number | null | undefined): string {
  return known(wh) ? scaled(wh, 'Wh', 3) : none
}

/** Apparent or reactive power, in var. */
export function reactive(v: number | null | undefined): string {
  return known(v) ? scaled(v, 'var', 3) : none
}

/** A share of one as percent: 0.974 is 97.4 %. */
export function percent(share: number | null | undefined, places = 0): string {
  if (!known(share)) return none
  const text = (Math.abs(share) * 100).toFixed(places)
  return (share < 0 && Number(text) !== 0 ? minus : '') + text + nbsp + '%'
}

/** The direction that a roof faces: degrees clockwise from north, 180 is south. */
export function compass(deg: number): string {
  return ['north', 'north-east', 'east', 'south-east', 'south', 'south-west', 'west', 'north-west'][Math.round(deg / 45) % 8] as string
}

export function hertz(hz: number | null | undefined): string {
  return known(hz) ? hz.toFixed(3) + nbsp + 'Hz' : none
}

export function count(n: number | null | undefined): string {
  return known(n) ? Math.round(n).toLocaleString('en-GB') : none
}

/** Any other number, to three significant digits without exponents where that is readable. */
export function plain(n: number | null | undefined): string {
  if (!known(n)) return none
  if (Number.isInteger(n) && Math.abs(n) < 1e15) return n.toLocaleString('en-GB').replace('-', minus)
  return String(Number(n.toPrecision(4))).replace('-', minus)
}

export interface Words {
  plus: string
  minus: string
  zero: string
}
export const gridWords: Words = { plus: 'imports', minus: 'exports', zero: 'no net flow' }
export const drawWords: Words = { plus: 'draws', minus: 'feeds in', zero: '0 W' }
export const storageWords: Words = { plus: 'charges', minus: 'discharges', zero: 'holds' }

/** Writes a signed power (+ draws, − injects) in words: "exports 3.20 kW". */
export function direction(w: number | null | undefined, words: Words = drawWords): string {
  if (!known(w)) return none
  if (Math.round(w) === 0) return words.zero
  return (w > 0 ? words.plus : words.minus) + ' ' + power(Math.abs(w))
}

/** The arrow for a direction. Up is towards the grid. */
export function arrow(w: number | null | undefined): string {
  if (!known(w) || Math.round(w) === 0) return '·'
  return w > 0 ? '↓' : '↑'
}

const formats = new Map<string, Intl.DateTimeFormat>()
function format(zone: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = zone + JSON.stringify(options)
  let f = formats.get(key)
  if (!f) {
    try {
      f = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: zone })
    } catch {
      // the browser does not know the zone
      f = new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' })
    }
    formats.set(key, f)
  }
  return f
}

/** Mon 8 Jan 2018, 17:45 in the simulation's zone. */
export function dateTime(ms: number, zone: string): string {
  return date(ms, zone) + ', ' + time(ms, zone)
}

export function date(ms: number, zone: string): string {
  const parts = format(zone, { weekday: 'short', day: 'numeric', month: 'short', year: 'numeric' }).formatToParts(ms)
  const of = (type: string) => parts.find((p) => p.type === type)?.value ?? ''
  return `${of('weekday')} ${of('day')} ${of('month')} ${of('year')}`
}

export function time(ms: number, zone: string, seconds = false): string {
  return format(zone, { hour: '2-digit', minute: '2-digit', ...(seconds ? { second: '2-digit' } : {}), hourCycle: 'h23' }).format(ms)
}

/** The zone's name at that moment: CET, CEST, UTC. */
export function zoneName(ms: number, zone: string): string {
  return (
    format(zone, { timeZoneName: 'short' })
      .formatToParts(ms)
      .find((p) => p.type === 'timeZoneName')?.value ?? zone
  )
}

/** 90 s, 15 min, 2 h, 3 d. */
export function duration(s: number): string {
  if (s < 120) return `${Math.round(s)}${nbsp}s`
  if (s < 7200) return `${Math.round(s / 60)}${nbsp}min`
  if (s < 172800) return `${Number((s / 3600).toFixed(1))}${nbsp}h`
  return `${Number((s / 86400).toFixed(1))}${nbsp}d`
}

export function bytes(n: number | null | undefined): string {
  return known(n) ? scaled(n, 'B', 3) : none
}

export interface Loading {
  level: 0 | 1 | 2 | 3
  word: string
}

/** How near something is to its limit, in four levels, each with a colour and a name. */
export function loading(share: number | null | undefined): Loading | null {
  if (!known(share)) return null
  if (share > 1) return { level: 3, word: 'over its limit' }
  if (share >= 0.8) return { level: 2, word: 'near its limit' }
  if (share >= 0.5) return { level: 1, word: 'over half used' }
  return { level: 0, word: 'far from it' }
}

/** A speed: 600×, or as fast as possible. */
export function speed(x: number | null | undefined): string {
  if (!known(x)) return none
  if (x <= 0) return 'max'
  return (x >= 100 ? Math.round(x).toLocaleString('en-GB') : Number(x.toPrecision(3))) + '×'
}
