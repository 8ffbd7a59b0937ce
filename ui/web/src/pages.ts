// The pages. A page is a component in pages/ and one row here: addresses, navigation, titles and rendering read it.
import type { Component } from 'svelte'
import { last } from './lib/links'
import { live } from './lib/live.svelte'
import Alerts from './pages/Alerts.svelte'
import Community from './pages/Community.svelte'
import Grid from './pages/Grid.svelte'
import Home from './pages/Home.svelte'
import Runs from './pages/Runs.svelte'
import System from './pages/System.svelte'
import Twin from './pages/Twin.svelte'

/** Who may open a page. There are no roles yet. */
export type Audience = 'everyone'

interface Row {
  /** First part of the address. People have bookmarks of it, so it never changes. */
  route: string
  /** Title of the browser's window; path is the path of the twin in the address. */
  title: string | ((path: string) => string)
  for: Audience
  /** Its entry in the navigation, or the route of the page whose entry is marked in its place. */
  nav: Entry | string
}

interface Entry {
  label: string
  /** SVG path in a box of 18 by 18. */
  icon: string
  /** A number beside the label, shown above 0, and what it counts. */
  badge?: { count: () => number; of: string }
}

/** A page shows the whole run or one twin. A page of a twin is created anew for each twin. */
type PageRow = Row & ({ shows: 'run'; component: Component } | { shows: 'twin'; component: Component<{ path: string }> })

const pages = [
  {
    route: 'grid',
    title: 'Grid',
    for: 'everyone',
    shows: 'run',
    component: Grid,
    nav: { label: 'Grid', icon: 'M9 2v5M9 11v5M2 9h5m4 0h5M9 7a2 2 0 1 0 0 4 2 2 0 0 0 0-4' },
  },
  { route: 'community', title: last, for: 'everyone', shows: 'twin', component: Community, nav: 'grid' },
  { route: 'home', title: last, for: 'everyone', shows: 'twin', component: Home, nav: 'grid' },
  { route: 'twin', title: last, for: 'everyone', shows: 'twin', component: Twin, nav: 'grid' },
  {
    route: 'runs',
    title: 'Runs',
    for: 'everyone',
    shows: 'run',
    component: Runs,
    nav: { label: 'Runs', icon: 'M5 2v14M5 9c0-3 8-1 8-5M5 4a2 2 0 1 0 0-.1M13 4a2 2 0 1 0 0-.1' },
  },
  {
    route: 'alerts',
    title: 'Alerts',
    for: 'everyone',
    shows: 'run',
    component: Alerts,
    nav: { label: 'Alerts', icon: 'M9 2 1.5 15.5h15zM9 7v4m0 2v.5', badge: { count: () => live.open, of: 'not acknowledged' } },
  },
  {
    route: 'system',
    title: 'System',
    for: 'everyone',
    shows: 'run',
    component: System,
    nav: { label: 'System', icon: 'M1.5 9h3l2-6 4 12 2-6h4' },
  },
] as const satisfies PageRow[]

export type Route = (typeof pages)[number]['route']

/** The pages that a viewer may open, in the order of the navigation. */
export function pagesFor(viewer: Audience): readonly (PageRow & { route: Route })[] {
  return pages.filter((p) => p.for === viewer)
}
