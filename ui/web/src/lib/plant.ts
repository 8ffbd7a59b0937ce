// What a plant is doing, in words: from its settings, its reading and what happened to it last.
import type { CommandInfo, EventInfo, PlantInfo, TwinInfo } from './api'
import { direction, duration, gridWords, percent, power } from './format'

export interface PlantSeen {
  out: boolean
  order: string
  /** Tick at which it is ready, while it starts; else null. */
  ready: number | null
  /** Output that is fixed, W, and the tick until which; null if none is. */
  fixed: { w: number; until: number } | null
  sold: number
  rated: number | null
  w: number | null
}

/** For how long an output stays fixed, s: the scenario's fixed_w says so. */
const fixedFor = 3600

/** events: of this twin alone, newest first; commands: newest first; step in seconds. */
export function plantSeen(twin: TwinInfo, events: EventInfo[], commands: CommandInfo[], tick: number, step: number): PlantSeen {
  const set = (name: string) => twin.settings.find((s) => s.name === name)
  const run = events.find((e) => /\.(starting|started|stopped)$/.test(e.type))
  const ready = run?.type.endsWith('.starting') ? (run.fields.ready_tick ?? null) : null
  const order = commands.find((c) => c.target === twin.path && c.setting === 'fixed_w' && c.tick <= tick)
  const w = set('fixed_w')?.value ?? 0
  const until = order ? order.tick + Math.ceil(fixedFor / step) : 0
  return {
    out: set('available')?.value === 0,
    order: set('order')?.word ?? '',
    ready: ready !== null && ready > tick ? ready : null,
    fixed: w > 0 && until > tick ? { w, until } : null,
    sold: set('sold_share')?.value ?? 0,
    rated: set('rated_w')?.value ?? null,
    w: twin.reading?.power_w ?? null,
  }
}

/** One line about it; when says a tick as a time of day. */
export function plantWords(p: PlantSeen, tie: boolean, when: (tick: number) => string): string {
  if (p.out) return 'out of service'
  const at = p.rated && p.w !== null && p.w !== 0 ? `, ${percent(Math.abs(p.w) / p.rated)} of its rating` : ''
  const does =
    p.ready !== null
      ? `starts, ready at ${when(p.ready)}`
      : tie
        ? direction(p.w === null ? null : -p.w, gridWords)
        : p.w === 0
          ? 'stands still'
          : direction(p.w) + at
  return [
    does,
    p.order === 'run' ? 'ordered to run' : p.order === 'stop' ? 'ordered to stop' : '',
    p.fixed ? `fixed at ${power(p.fixed.w)} until ${when(p.fixed.until)}` : '',
    p.sold > 0 ? `${percent(p.sold)} of its rating sold` : '',
  ]
    .filter(Boolean)
    .join(', ')
}

/**
 * What an order would mean, before it is given: how long a start takes in the plant's heat and when it would be ready,
 * or what a stop costs in time. tick is the step that is shown, step its length in seconds; an order is for the next.
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

/** How long a start takes by heat, as far as heats differ. */
function starting(p: PlantInfo): string {
  const all: [number, string][] = [
    [p.start_hot_s, ''],
    [p.start_warm_s, `after ${duration(p.warm_after_s)} off `],
    [p.start_cold_s, `after ${duration(p.cold_after_s)} off `],
  ]
  // A heat that the plant leaves at once, or that changes nothing, is not told.
  if (p.warm_after_s <= p.min_down_s) all[0] = all[1]!
  if (p.cold_after_s <= Math.max(p.warm_after_s, p.min_down_s)) {
    all[1] = all[2]!
    if (p.cold_after_s <= p.min_down_s) all[0] = all[2]!
  }
  const told = all.filter(([s], i) => i === 0 || s !== all[i - 1]?.[0])
  return told.map(([s, off], i) => (i ? off : '') + duration(s)).join(', ')
}
