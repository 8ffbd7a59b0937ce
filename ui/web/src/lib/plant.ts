// The state of a plant or tie in words, from the server's answer.
import type { PlantInfo, TwinInfo } from './api'
import { direction, duration, gridWords, percent, power } from './format'

/** The fields that a list of units and a twin's answer have in common. */
export type Unit = Pick<TwinInfo, 'path' | 'role' | 'settings' | 'reading' | 'gauges' | 'out' | 'plant'>

/** One line about the unit; when writes a tick as a time of day. */
export function plantWords(unit: Unit, when: (tick: number) => string): string {
  if (unit.out) return 'out of service'
  const w = unit.reading?.power_w ?? null,
    rated = unit.settings.find((s) => s.name === 'rated_w')?.value,
    p = unit.plant,
    water = unit.gauges.find((g) => g.name === 'water_j')?.text
  const at = rated && w ? `, ${percent(Math.abs(w) / rated)} of its rating` : ''
  const does =
    typeof p?.starts_until === 'number'
      ? `starts, ready at ${when(p.starts_until)}`
      : unit.role === 'tie'
        ? direction(w === null ? null : -w, gridWords)
        : w === 0
          ? 'stands still'
          : direction(w) + at
  return [
    does,
    p?.ordered === 'run' ? 'ordered to run' : p?.ordered === 'stop' ? 'ordered to stop' : '',
    p && p.fixed_w !== null && p.fixed_until !== null ? `fixed at ${power(p.fixed_w)} until ${when(p.fixed_until)}` : '',
    water ? `${water} of water stored` : '',
    p && p.sold_share > 0 ? `${percent(p.sold_share)} of its rating sold` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/**
 * What an order would mean, before it is given: how long a start takes at the plant's heat and when it would be ready,
 * or how much time a stop costs. tick is the step that is shown, step its length in seconds; an order is for the next.
 */
export function orderWords(p: PlantInfo, tick: number, step: number, when: (tick: number) => string): string {
  const starts = starting(p)
  switch (p.state) {
    case 'off': {
      const from = p.startable ?? tick + 1,
        ready = from + Math.ceil((p.start_s ?? 0) / step)
      const begins = p.startable === null ? '' : ` and begins at ${when(from)}, when it has been off for ${duration(p.min_down_s)}`
      return `It is ${p.heat}: a start takes ${duration(p.start_s ?? 0)}${begins}; ordered now, it feeds in from ${when(ready)}.`
    }
    case 'starting':
      return `Stopped now, it has to start anew: ${starts}.`
    case 'on': {
      const stays = p.min_down_s > 0 ? `it stays off for at least ${duration(p.min_down_s)}, and ` : ''
      const sooner = `a stop comes sooner than its least time of ${duration(p.min_up_s)}.`
      return `After a stop ${stays}a start takes ${starts}.${p.stoppable === null ? '' : ` Before ${when(p.stoppable)} ${sooner}`}`
    }
  }
}

/** How long a start takes at each heat, as far as the times differ. */
function starting(p: PlantInfo): string {
  const all: [number, string][] = [
    [p.start_hot_s, ''],
    [p.start_warm_s, `after ${duration(p.warm_after_s)} off `],
    [p.start_cold_s, `after ${duration(p.cold_after_s)} off `],
  ]
  // A heat that lasts no time, or changes nothing, is left out.
  if (p.warm_after_s <= p.min_down_s) all[0] = all[1]!
  if (p.cold_after_s <= Math.max(p.warm_after_s, p.min_down_s)) {
    all[1] = all[2]!
    if (p.cold_after_s <= p.min_down_s) all[0] = all[2]!
  }
  const told = all.filter(([s], i) => i === 0 || s !== all[i - 1]?.[0])
  return told.map(([s, off], i) => (i ? off : '') + duration(s)).join(', ')
}
