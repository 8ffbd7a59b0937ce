import { describe, expect, test } from 'vitest'
import { fit, openAt, shown, toScreen, zoom } from '../src/map/lod'
import type { CommunityInfo } from '../src/lib/api'

const town = (n: number, twins = 60): CommunityInfo[] =>
  Array.from({ length: n }, (_, i) => {
    const a = (2 * Math.PI * i) / n
    return {
      path: `grid/c-${i}`,
      id: `c-${i}`,
      index: i,
      x: n * Math.cos(a),
      y: n * Math.sin(a),
      r: 2,
      tiles: [i],
      twins,
      limit_w: null,
      members: {},
    }
  })

describe('level of detail', () => {
  test('zoomed out, communities are shown, and the text says so', () => {
    const all = town(212)
    const v = fit({ x0: -214, y0: -214, x1: 214, y1: 214 }, 900, 500)
    expect(shown(v, all)).toMatchObject({ tiles: [], twins: 0, text: '212 communities shown; zoom in for homes' })
    expect(shown(v, all).communities).toHaveLength(212)
  })
  test('zoomed in, the homes of communities that are in view and large enough', () => {
    const c = town(6)
    const one = c[2] as CommunityInfo
    const s = shown({ x: one.x, y: one.y, scale: openAt / 2, width: 60, height: 60 }, c)
    expect(s.tiles).toEqual([2])
    expect(s.twins).toBe(60)
    expect(s.text).toMatch(/^60 twins of 1 community shown/)
  })
  test('one pixel below the threshold, no community opens', () => {
    const c = town(6),
      one = c[2] as CommunityInfo
    expect(shown({ x: one.x, y: one.y, scale: (openAt - 1) / 2, width: 300, height: 300 }, c).tiles).toEqual([])
  })
  test('never more twins than the limit', () => {
    const c = town(40, 1000)
    const s = shown({ x: 0, y: 0, scale: openAt, width: 1e6, height: 1e6 }, c)
    expect(s.tiles).toEqual([])
    expect(s.text).toContain('40,000 twins are too many')
  })
  test('a tile that communities share counts with all its twins', () => {
    const c = town(2).map((x) => ({ ...x, tiles: [0] }))
    const s = shown({ x: (c[0] as CommunityInfo).x, y: 0, scale: openAt, width: 100, height: 100 }, c, 100)
    expect(s.tiles).toEqual([])
  })
})

test('zooming keeps the point under the pointer', () => {
  const v = { x: 3, y: -2, scale: 20, width: 400, height: 300 }
  const z = zoom(v, 2.5, 70, 220, 1, 1000)
  const plane = [(70 - 200) / 20 + 3, (220 - 150) / 20 - 2] as const
  const [x, y] = toScreen(z, plane[0], plane[1])
  expect(x).toBeCloseTo(70, 9)
  expect(y).toBeCloseTo(220, 9)
  expect(zoom(v, 1e9, 0, 0, 1, 1000).scale).toBe(1000)
})

test('an empty world fits as well', () => {
  const v = fit({ x0: 0, y0: 0, x1: 0, y1: 0 }, 0, 0)
  expect(Number.isFinite(v.scale)).toBe(true)
  expect(shown(v, []).text).toBe('0 communities shown; zoom in for homes')
})
