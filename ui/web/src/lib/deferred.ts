// Sums of the decisions of one step: load that is shifted, load that is cut, generation that is curtailed, and why.
import type { DecisionInfo } from './api'
import { count, power } from './format'

export const reasons: Record<string, string> = {
  scarcity: 'too little production',
  abundance: 'too much production',
  limit: 'the limit of the community',
  shed: 'load that had to be shed',
  reserve: 'reserve that is kept',
  planned: 'the plan of the day',
  ordered: 'an order of the manager',
  merit: 'cheaper plants',
  quarantined: 'it failed and is estimated',
}

export interface Deferred {
  text: string
  w: number
  bad: boolean
}

/** A line for each kind of member, decision and reason; cuts first, then by size. */
export function deferred(rows: DecisionInfo[]): Deferred[] {
  const all = new Map<string, { n: number; w: number; sort: string; verb: string; why: string; bad: boolean }>()
  for (const d of rows) {
    const sort = (d.path.split('/').pop() ?? '').replace(/[-_]?\d+$/, '').replace(/[-_]/g, ' ')
    for (const [w, one, many, bad] of [
      [d.unserved_w, 'is not served', 'are not served', true],
      [d.shifted_w, 'is shifted to later', 'are shifted to later', false],
      [d.curtailed_w, 'holds back', 'hold back', false],
    ] as const) {
      if (w <= 0) continue
      const key = sort + one + d.reason
      const a = all.get(key) ?? { n: 0, w: 0, sort, verb: one + '|' + many, why: reasons[d.reason] ?? d.reason, bad }
      a.n++
      a.w += w
      all.set(key, a)
    }
  }
  return [...all.values()]
    .sort((a, b) => Number(b.bad) - Number(a.bad) || b.w - a.w)
    .map((a) => {
      const [one, many] = a.verb.split('|')
      const plural = a.sort.endsWith('y') ? a.sort.slice(0, -1) + 'ies' : a.sort + 's'
      const does = a.n === 1 ? `${a.sort} ${one}` : `${plural} ${many}`
      return { text: `${count(a.n)} ${does}, ${power(a.w)}, because of ${a.why || 'what was asked'}`, w: a.w, bad: a.bad }
    })
}
