import { beforeAll, expect, test } from 'vitest'
import { Collect, diamond, disc, ring, square, Stamp } from '../src/map/draw'

beforeAll(() => {
  // Node has no ImageData. The browser's has a width, a height and bytes.
  globalThis.ImageData ??= class {
    data
    constructor(
      public width: number,
      public height: number,
    ) {
      this.data = new Uint8ClampedArray(4 * width * height)
    }
  } as unknown as typeof ImageData
})
const stamped = (width: number, height: number, put: (s: Stamp) => void) => {
  const s = new Stamp()
  s.clear(width, height)
  put(s)
  return s.pixels!.data
}
const at = (d: Uint8ClampedArray, width: number, x: number, y: number) => [...d.subarray(4 * (y * width + x), 4 * (y * width + x) + 4)]
/** The number of covered pixels. */
const area = (d: Uint8ClampedArray) => d.reduce((s, x, i) => s + (i % 4 === 3 ? x / 255 : 0), 0)

test('marks cover the area of their shapes, at any position between pixels', () => {
  for (const [x, y] of [
    [20, 20],
    [20.25, 19.5],
    [20.6, 20.9],
  ] as const) {
    for (const r of [2.5, 4, 7.25, 12]) {
      const of = (shape: number, edge = 0) => area(stamped(40, 40, (s) => s.put(x, y, r, shape, edge, 10, 20, 30, 1)))
      for (const [got, want] of [
        [of(disc), Math.PI * r * r],
        [of(square), 4 * r * r],
        [of(diamond), 2 * (1.25 * r) ** 2],
        [of(ring, 2), 4 * Math.PI * r],
      ] as const)
        expect(Math.abs(got - want), `${got} of ${want}, radius ${r} at ${x}`).toBeLessThan(0.06 * want + 1)
    }
  }
})
test('an opaque mark hides the mark below it, a half-transparent one blends with it', () => {
  const d = stamped(9, 9, (s) => {
    s.put(4.5, 4.5, 4, square, 0, 200, 0, 0, 1)
    s.put(4.5, 4.5, 2, square, 0, 0, 100, 0, 1)
  })
  expect(at(d, 9, 4, 4)).toEqual([0, 100, 0, 255])
  expect(at(d, 9, 1, 1)).toEqual([200, 0, 0, 255])
  const half = stamped(9, 9, (s) => {
    s.put(4.5, 4.5, 4, square, 0, 200, 0, 0, 1)
    s.put(4.5, 4.5, 2, square, 0, 0, 100, 0, 0.5)
  })
  expect(at(half, 9, 4, 4).map((x, i) => Math.abs(x - [100, 50, 0, 255][i]!) <= 1)).toEqual([true, true, true, true])
})
test('marks over an edge are clipped, and none continues on the opposite side', () => {
  const d = stamped(20, 10, (s) => {
    for (const [x, y] of [
      [0, 5],
      [20, 5],
      [10, 0],
      [10, 10],
      [-50, 5],
      [10, 99],
    ] as const)
      s.put(x, y, 3, square, 0, 1, 2, 3, 1)
  })
  expect(area(d)).toBeCloseTo(4 * 18, 0)
  expect(at(d, 20, 6, 5)[3]).toBe(0)
  const s = new Stamp()
  s.clear(20, 10)
  s.put(5, 5, 3, disc, 0, 9, 9, 9, 1)
  s.clear(20, 10)
  expect(area(s.pixels!.data)).toBe(0)
})
test('a scene grows as needed, and clear removes the last one', () => {
  const c = new Collect()
  for (let i = 0; i < 1000; i++) {
    c.mark(i, 2 * i, 3, disc, '#0a0b0c', 0.5)
    c.line(i, 1, 2, 3, 4, 5, '#fff')
  }
  expect(c.marks.length).toBe(5000)
  expect([...c.marks.subarray(4995)]).toEqual([999, 1998, 3, disc, 0])
  expect([...c.markColours.subarray(3996)]).toEqual([10, 11, 12, 128])
  expect([...c.lines.subarray(5994), ...c.lineColours.subarray(3996)]).toEqual([999, 1, 2, 3, 4, 5, 255, 255, 255, 255])
  c.clear()
  c.mark(1, 2, 3, ring, '#000', 1, 2)
  expect([...c.marks]).toEqual([1, 2, 3, ring, 2])
  expect(c.lines.length).toBe(0)
})
