// What the viewer shows. The address holds run, step, page and twin, so that opening it shows the same.

import type { Route } from '../pages'

export interface Place {
  /** First part of the address: a page's route, or an unknown word. */
  page: Route | (string & {})
  /** The twin's path for community, home and twin. */
  id: string
  /** Run that is shown; empty for the live one. */
  run: string
  /** Step that is shown; null for the latest. */
  tick: number | null
  /** Path of the twin in the inspector. */
  pick: string
  /** Run that the shown one is compared with. */
  against: string
}

const home: Route = 'grid'

export function parse(url: URL): Place {
  const [page = home, ...rest] = url.pathname.split('/').filter(Boolean).map(safeDecode)
  const t = url.searchParams.get('step')
  return {
    page,
    id: rest.join('/'),
    run: url.searchParams.get('run') ?? '',
    tick: t !== null && /^\d{1,9}$/.test(t) ? Number(t) : null,
    pick: url.searchParams.get('twin') ?? '',
    against: url.searchParams.get('with') ?? '',
  }
}

function safeDecode(s: string): string {
  try {
    return decodeURIComponent(s)
  } catch {
    return s
  }
}

export function href(to: Partial<Place>, from: Place = place.now): string {
  const p = { ...from, ...to }
  const path = '/' + [p.page, ...p.id.split('/')].filter(Boolean).map(encodeURIComponent).join('/')
  const q = new URLSearchParams()
  if (p.run) q.set('run', p.run)
  if (p.tick !== null) q.set('step', String(p.tick))
  if (p.pick) q.set('twin', p.pick)
  if (p.against) q.set('with', p.against)
  const query = q.toString()
  return path + (query ? '?' + query : '')
}

/** The address of a page. Going to another page drops the comparison and the id. */
export function to(page: Route, id = '', more: Partial<Place> = {}): string {
  return href({ page, id, against: '', ...more })
}

class Placing {
  now: Place = $state.raw(parse(new URL(location.href)))
  constructor() {
    addEventListener('popstate', () => {
      this.now = parse(new URL(location.href))
    })
  }
  go(url: string, replace = false) {
    const u = new URL(url, location.href)
    if (u.href === location.href) return
    history[replace ? 'replaceState' : 'pushState'](null, '', u)
    this.now = parse(u)
  }
}

export const place = new Placing()

/** Links of this origin change the page without loading it again. */
export function follow(e: MouseEvent) {
  if (e.defaultPrevented || e.button !== 0 || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey) return
  const a = (e.target as Element | null)?.closest?.('a')
  if (!a || a.target || a.hasAttribute('download') || a.origin !== location.origin || /^\/(api|metrics|healthz|openapi)/.test(a.pathname))
    return
  if (a.hash && a.pathname === location.pathname) return
  e.preventDefault()
  place.go(a.href)
}
