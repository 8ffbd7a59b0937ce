// What a plant is doing, in words: from its settings, its reading and what happened to it last.
import type { Command, EventRow, Twin } from './api'
import { direction, gridWords, percent, power } from './format'

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
export function plantSeen(twin: Twin, events: EventRow[], commands: Command[], tick: number, step: number): PlantSeen {
  const set = (name: string) => twin.settings?.find((s) => s.name === name)
  const run = events.find((e) => /\.(starting|started|stopped)$/.test(e.type))
  const ready = run?.type.endsWith('.starting') ? (run.fields?.ready_tick ?? null) : null
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
  const does = p.ready !== null ? `starts, ready at ${when(p.ready)}` : tie ? direction(p.w === null ? null : -p.w, gridWords) : p.w === 0 ? 'stands still' : direction(p.w) + at
  return [does, p.order === 'run' ? 'ordered to run' : p.order === 'stop' ? 'ordered to stop' : '', p.fixed ? `fixed at ${power(p.fixed.w)} until ${when(p.fixed.until)}` : '', p.sold > 0 ? `${percent(p.sold)} of its rating sold` : ''].filter(Boolean).join(', ')
}
