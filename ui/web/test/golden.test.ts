// Frames encoded in Go, with their content as JSON: the browser must decode the same content.
import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { apply, decode, value, type Table } from '../src/lib/codec'
import { Alert_Severity, Clock_State, type Frame } from '../src/gen/stream_pb'

const folder = new URL('../../viewers/testdata/frames/', import.meta.url)
const names = readdirSync(folder)
  .filter((f) => f.endsWith('.bin'))
  .map((f) => f.slice(0, -4))
  .sort()
const bytes = (name: string) => new Uint8Array(readFileSync(new URL(name + '.bin', folder)))
interface Said {
  frame?: {
    scope: string
    tick: number
    base: number
    blocks: { block: number; rows: number; columns: { column: number; values: (number | null)[]; index?: number[] }[] }[]
  }
  [body: string]: unknown
}
const said = (name: string) => JSON.parse(readFileSync(new URL(name + '.json', folder), 'utf8')) as Said

/** A plain copy of a message: numbers for bigints, words for enums, no type names. */
function plain(x: unknown): unknown {
  if (typeof x === 'bigint') return Number(x)
  if (Array.isArray(x)) return x.map(plain)
  if (x && typeof x === 'object') {
    return Object.fromEntries(
      Object.entries(x)
        .filter(([k]) => !k.startsWith('$'))
        .map(([k, v]) => [k, k === 'severity' ? Alert_Severity[v as number] : k === 'state' ? Clock_State[v as number] : plain(v)]),
    )
  }
  return x
}
/** protobuf's JSON writes snake_case or lowerCamelCase; names are compared without case and underscores. */
const key = (k: string) => k.replace(/_/g, '').toLowerCase()
function keyed(x: unknown): unknown {
  if (Array.isArray(x)) return x.map(keyed)
  if (x && typeof x === 'object') return Object.fromEntries(Object.entries(x).map(([k, v]) => [key(k), keyed(v)]))
  return typeof x === 'string' && /^-?\d{1,15}$/.test(x) ? Number(x) : x
}

test('there are goldens', () => expect(names.length).toBeGreaterThanOrEqual(9))

describe('messages other than frames', () => {
  for (const name of names.filter((n) => !said(n).frame)) {
    test(name, () => {
      const { body } = decode(bytes(name))
      const want = keyed(said(name)) as Record<string, unknown>
      expect(Object.keys(want)).toEqual([body.case])
      // Fields that JSON leaves out are zero, empty or false.
      expect(keyed(plain(body.value))).toMatchObject(want[body.case as string] as object)
    })
  }
})

describe('frames', () => {
  const frames = names.filter((n) => said(n).frame).sort((a, b) => (said(a).frame?.tick ?? 0) - (said(b).frame?.tick ?? 0))
  test('applied in order, frames and their JSON give the same tables', () => {
    const tables = new Map<string, Table>()
    const plainTables = new Map<string, number[]>()
    for (const name of frames) {
      const j = said(name).frame as NonNullable<Said['frame']>
      apply(tables, decode(bytes(name)).body.value as Frame)
      expect(tables.get(j.scope)?.tick, name).toBe(j.tick)
      for (const b of j.blocks)
        for (const c of b.columns) {
          const at = `${j.scope} ${b.block} ${c.column}`
          const column = plainTables.get(at) ?? new Array<number>(b.rows).fill(0)
          const rows = c.index?.length ? c.index : column.map((_, i) => i)
          rows.forEach((row, k) => {
            column[row] = c.values.length ? (c.values[k] ?? NaN) : 0 // null: the row has no value
          })
          plainTables.set(at, column)
          expect([...(tables.get(j.scope)?.blocks.get(b.block)?.columns.get(c.column) ?? [])], `${name}, ${at}`).toEqual(column)
        }
      // Known values, in case frame and JSON are decoded with the same error.
      if (name !== 'full') continue
      const t = tables.get('tile/3')
      expect([0, 1, 2, 3, 4].map((c) => t?.blocks.get(0)?.columns.get(c)?.[4])).toEqual([
        0,
        -(2 ** 7 - 1),
        -(2 ** 15 - 1),
        -(2 ** 31 - 1),
        -(2 ** 53 - 1),
      ])
      expect([1, 2, 3, 4].map((c) => value(t, 0, 2, c, 3))).toEqual([null, null, null, null])
      expect(t?.blocks.get(1)?.columns.get(0)?.[999]).toBe(999 * 1000003)
    }
  })
})
