// What the map shows at a zoom: each community as one disc, or the homes of the communities in view.
import type { CommunityInfo } from '../lib/api'

/** The plane as the screen sees it: pixel = (plane − centre) · scale + middle. */
export interface View {
  x: number
  y: number
  scale: number
  width: number
  height: number
}

export interface Shown {
  /** Communities in view, by index. */
  communities: number[]
  /** Tiles whose twins are drawn one by one; empty while communities are drawn instead. */
  tiles: number[]
  twins: number
  text: string
}

/** A community is opened when its radius reaches this many pixels. */
export const openAt = 90
/** More twins than this in one view are drawn as communities, as the server would send them. */
export const mostTwins = 20000

export function shown(view: View, communities: CommunityInfo[], most = mostTwins): Shown {
  const inView = communities.filter((c) => touches(view, c))
  const open = inView.filter((c) => c.r * view.scale >= openAt && c.twins > 0)
  const tiles = [...new Set(open.flatMap((c) => c.tiles))].sort((a, b) => a - b)
  // A tile may hold other communities too. The server sends all twins of a tile, so all count.
  const held = new Set(tiles)
  const twins = communities.filter((c) => c.tiles.some((n) => held.has(n))).reduce((n, c) => n + c.twins, 0)
  const indexes = inView.map((c) => c.index)
  if (open.length === 0) {
    return {
      communities: indexes,
      tiles: [],
      twins: 0,
      text: `${amount(inView.length, 'community', 'communities')} shown; zoom in for homes`,
    }
  }
  if (twins > most) {
    const crowd = `${twins.toLocaleString('en-GB')} twins are too many at once, zoom in for homes`
    return { communities: indexes, tiles: [], twins: 0, text: `${amount(inView.length, 'community', 'communities')} shown; ${crowd}` }
  }
  const n = open.reduce((s, c) => s + c.twins, 0)
  const closed = inView.length - open.length
  return {
    communities: indexes,
    tiles,
    twins: n,
    text:
      `${n.toLocaleString('en-GB')} twins of ${amount(open.length, 'community', 'communities')} shown` +
      (closed ? `; ${amount(closed, 'other as a whole', 'others as wholes')}` : ''),
  }
}

function amount(n: number, one: string, many: string): string {
  return `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`
}

function touches(v: View, c: CommunityInfo): boolean {
  const x = (c.x - v.x) * v.scale,
    y = (c.y - v.y) * v.scale,
    r = Math.max(12, c.r * v.scale)
  return Math.abs(x) <= v.width / 2 + r && Math.abs(y) <= v.height / 2 + r
}

/** The view that fits a box with a margin in pixels. */
export function fit(box: { x0: number; y0: number; x1: number; y1: number }, width: number, height: number, margin = 28): View {
  const w = Math.max(1e-6, box.x1 - box.x0),
    h = Math.max(1e-6, box.y1 - box.y0)
  const scale = Math.min(Math.max(20, width - 2 * margin) / w, Math.max(20, height - 2 * margin) / h)
  return { x: (box.x0 + box.x1) / 2, y: (box.y0 + box.y1) / 2, scale, width, height }
}

/** Zooms by a factor so that the plane under the pixel stays where it is. */
export function zoom(v: View, by: number, px: number, py: number, least: number, most: number): View {
  const scale = Math.min(most, Math.max(least, v.scale * by))
  const dx = px - v.width / 2,
    dy = py - v.height / 2
  return { ...v, scale, x: v.x + dx / v.scale - dx / scale, y: v.y + dy / v.scale - dy / scale }
}

export function toScreen(v: View, x: number, y: number): [number, number] {
  return [(x - v.x) * v.scale + v.width / 2, (y - v.y) * v.scale + v.height / 2]
}
