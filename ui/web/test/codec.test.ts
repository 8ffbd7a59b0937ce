import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { apply, decode, encode, FrameError, value, type Table } from '../src/lib/codec'
import { FrameSchema, ServerMessageSchema, type Frame } from '../src/gen/stream_pb'

type ColumnOf = { column: number; width: number; values: number[]; index?: number[] }
const bytesOf = (values: number[], width: number) => {
  const b = new Uint8Array(values.length * width),
    d = new DataView(b.buffer)
  values.forEach((v, i) => {
    if (width === 8) d.setBigInt64(8 * i, BigInt(v), true)
    else for (let k = 0; k < width; k++) d.setUint8(i * width + k, Math.floor(v / 2 ** (8 * k)) & 255)
  })
  return b
}
const frame = (tick: number, base: number, rows: number, columns: ColumnOf[], scope = 'tile/0', block = 0): Frame =>
  create(FrameSchema, {
    scope,
    tick: BigInt(tick),
    base: BigInt(base),
    blocks: [
      {
        block,
        rows,
        columns: columns.map((c) => ({
          column: c.column,
          width: c.width,
          values: bytesOf(c.values, c.width),
          index: c.index ? bytesOf(c.index, 2) : new Uint8Array(),
        })),
      },
    ],
  })

describe('frames', () => {
  for (const [width, values] of [
    [1, [-127, 127]],
    [2, [-32767, 32767]],
    [4, [-2147483647, 2147483647]],
    [8, [-9007199254740991, 9007199254740991]],
  ] as const) {
    test(`${width} bytes per value, at both limits`, () => {
      const t = new Map<string, Table>()
      apply(t, frame(3, -1, 2, [{ column: 5, width, values: [...values] }]))
      expect([...(t.get('tile/0')?.blocks.get(0)?.columns.get(5) ?? [])]).toEqual(values)
    })
  }
  test('the least integer of a width is no value', () => {
    for (const [width, least] of [
      [1, -128],
      [2, -32768],
      [4, -2147483648],
      [8, -(2 ** 63)],
    ] as const) {
      const t = new Map<string, Table>()
      apply(t, frame(3, -1, 2, [{ column: 0, width, values: [least, 5] }]))
      expect(value(t.get('tile/0'), 0, 0, 0, 3)).toBeNull()
      expect(value(t.get('tile/0'), 0, 1, 0, 3)).toBe(0.005)
      apply(t, frame(4, 3, 2, [{ column: 0, width, values: [least], index: [1] }]))
      expect(value(t.get('tile/0'), 0, 1, 0, 3)).toBeNull()
    }
  })
  test('a delta replaces the rows that it names and no others', () => {
    const t = new Map<string, Table>()
    apply(
      t,
      frame(0, -1, 3, [
        { column: 0, width: 1, values: [1, 2, 3] },
        { column: 1, width: 1, values: [7, 8, 9] },
      ]),
    )
    apply(t, frame(1, 0, 3, [{ column: 0, width: 2, values: [300], index: [1] }]))
    expect([...(t.get('tile/0')?.blocks.get(0)?.columns.get(0) ?? [])]).toEqual([1, 300, 3])
    expect([...(t.get('tile/0')?.blocks.get(0)?.columns.get(1) ?? [])]).toEqual([7, 8, 9])
    apply(t, frame(2, 1, 3, [{ column: 0, width: 0, values: [] }]))
    expect([...(t.get('tile/0')?.blocks.get(0)?.columns.get(0) ?? [])]).toEqual([0, 0, 0])
    expect(t.get('tile/0')?.tick).toBe(2)
  })
  test('a full frame replaces all earlier values', () => {
    const t = new Map<string, Table>()
    apply(t, frame(0, -1, 1, [{ column: 0, width: 1, values: [5] }]))
    apply(t, frame(9, -1, 2, [{ column: 1, width: 1, values: [6, 7] }]))
    expect(value(t.get('tile/0'), 0, 0, 0, 3)).toBe(0)
    expect(value(t.get('tile/0'), 0, 1, 1, 3)).toBe(0.007)
    expect(value(t.get('tile/0'), 0, 2, 1, 3)).toBeNull()
  })
  const good = () => {
    const t = new Map<string, Table>()
    apply(t, frame(4, -1, 2, [{ column: 0, width: 1, values: [1, 2] }]))
    return t
  }
  for (const [name, bad] of [
    ['a delta on another step', frame(6, 5, 2, [])],
    ['a delta on an unknown scope', frame(5, 4, 2, [], 'tile/9')],
    ['a width of 3', frame(5, 4, 2, [{ column: 0, width: 3, values: [1, 2] }])],
    ['too few values', frame(5, 4, 2, [{ column: 0, width: 1, values: [1] }])],
    ['a row that does not exist', frame(5, 4, 2, [{ column: 0, width: 1, values: [1], index: [2] }])],
    ['another number of rows', frame(5, 4, 3, [])],
    ['four billion rows', frame(5, -1, 4294967295, [{ column: 0, width: 0, values: [] }])],
  ] as const) {
    test(`${name} is refused, and the table has not changed`, () => {
      const t = good()
      expect(() => apply(t, bad)).toThrow(FrameError)
      expect([...(t.get('tile/0')?.blocks.get(0)?.columns.get(0) ?? [])]).toEqual([1, 2])
      expect(t.get('tile/0')?.tick).toBe(4)
    })
  }
})

describe('malformed bytes', () => {
  const whole = toBinary(
    ServerMessageSchema,
    create(ServerMessageSchema, {
      body: {
        case: 'frame',
        value: frame(3, -1, 4, [
          { column: 0, width: 2, values: [1, 2, 3, 4] },
          { column: 9, width: 8, values: [5], index: [3] },
        ]),
      },
    }),
  )
  let s = 1
  const next = (n: number) => {
    s = (Math.imul(s, 1664525) + 1013904223) >>> 0
    return Math.floor((s / 2 ** 32) * n)
  }
  function tryIt(bytes: Uint8Array) {
    const t = new Map<string, Table>()
    try {
      const { body } = decode(bytes)
      if (body.case === 'frame') apply(t, body.value)
    } catch (e) {
      if (!(e instanceof FrameError)) throw new Error(`${String(e)} for bytes ${[...bytes].join(' ')}`)
    }
  }
  test('20,000 random messages throw only the decoder’s error', () => {
    for (let i = 0; i < 20000; i++) tryIt(Uint8Array.from({ length: next(60) }, () => next(256)))
  })
  test('20,000 messages with some bytes changed throw only the decoder’s error', () => {
    for (let i = 0; i < 20000; i++) {
      const b = whole.slice(0, next(4) === 0 ? next(whole.length + 1) : whole.length)
      for (let k = next(4); k >= 0 && b.length; k--) b[next(b.length)] = next(256)
      tryIt(b)
    }
  })
  test('the unchanged message is accepted', () => expect(decode(whole).body.case).toBe('frame'))
})

test('a message of the viewer is encoded as the server reads it', () => {
  const b = encode({ case: 'look', value: { $typeName: 'smatrix.stream.v1.Look', id: 3, live: false, tick: 40n } })
  expect([...b]).toEqual([18, 4, 8, 3, 24, 80])
})
