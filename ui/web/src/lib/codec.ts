// Decodes the stream: bytes to messages, and frames onto tables. Any malformed bytes cause a FrameError.
import { fromBinary, toBinary, create } from '@bufbuild/protobuf'
import { ClientMessageSchema, ServerMessageSchema, type ClientMessage, type Frame, type ServerMessage } from '../gen/stream_pb'

/** The only error that decoding throws. */
export class FrameError extends Error {}

/** Row indexes are uint16, so no block has more rows. */
const mostRows = 65536
const mostColumns = 1024
const mostBlocks = 1024

/** Rows of one kind. Values are the stored integers, NaN where a row has none; a column not yet received is all zero. */
export interface BlockTable {
  rows: number
  columns: Map<number, Float64Array>
}
/** The state of one scope in one step. */
export interface Table {
  tick: number
  blocks: Map<number, BlockTable>
}

export function decode(bytes: Uint8Array): ServerMessage {
  try {
    return fromBinary(ServerMessageSchema, bytes)
  } catch (e) {
    throw new FrameError('not a message of the stream: ' + (e instanceof Error ? e.message : String(e)))
  }
}

export function encode(body: ClientMessage['body']): Uint8Array<ArrayBuffer> {
  return toBinary(ClientMessageSchema, create(ClientMessageSchema, { body })) as Uint8Array<ArrayBuffer>
}

/** Applies a frame to the tables. If it does not fit, a FrameError says why and no table has changed. */
export function apply(tables: Map<string, Table>, frame: Frame): Table {
  const full = frame.base === -1n
  const before = tables.get(frame.scope)
  if (!full && (!before || BigInt(before.tick) !== frame.base)) {
    throw new FrameError(`${frame.scope}: a delta to step ${frame.base}, but step ${before?.tick ?? 'none'} is there`)
  }
  if (frame.blocks.length > mostBlocks) throw new FrameError(`${frame.scope}: ${frame.blocks.length} blocks`)
  const tick = Number(frame.tick)
  if (!Number.isSafeInteger(tick)) throw new FrameError(`${frame.scope}: step ${frame.tick}`)
  const changes: (() => void)[] = []
  const table: Table = full || !before ? { tick, blocks: new Map() } : before
  for (const block of frame.blocks) {
    if (block.rows > mostRows) throw new FrameError(`${frame.scope}: ${block.rows} rows in a block`)
    if (block.columns.length > mostColumns) throw new FrameError(`${frame.scope}: ${block.columns.length} columns in a block`)
    const had = table.blocks.get(block.block)
    if (!full && had && had.rows !== block.rows) throw new FrameError(`${frame.scope}: ${block.rows} rows, ${had.rows} before`)
    const target: BlockTable = had ?? { rows: block.rows, columns: new Map() }
    changes.push(() => table.blocks.set(block.block, target))
    for (const c of block.columns) {
      const n = c.index.length > 0 ? c.index.length / 2 : block.rows
      if (!Number.isInteger(n)) throw new FrameError(`${frame.scope}: index of ${c.index.length} bytes`)
      if (![0, 1, 2, 4, 8].includes(c.width)) throw new FrameError(`${frame.scope}: width ${c.width}`)
      if (c.values.length !== n * c.width) throw new FrameError(`${frame.scope}: ${c.values.length} bytes of values, wanted ${n * c.width}`)
      const index = c.index.length > 0 ? new DataView(c.index.buffer, c.index.byteOffset, c.index.length) : null
      if (index) {
        for (let k = 0; k < n; k++) {
          if (index.getUint16(2 * k, true) >= block.rows)
            throw new FrameError(`${frame.scope}: row ${index.getUint16(2 * k, true)} of ${block.rows}`)
        }
      }
      const values = new DataView(c.values.buffer, c.values.byteOffset, c.values.length)
      const read = reader(values, c.width)
      changes.push(() => {
        let column = target.columns.get(c.column)
        if (!column) target.columns.set(c.column, (column = new Float64Array(block.rows)))
        for (let k = 0; k < n; k++) column[index ? index.getUint16(2 * k, true) : k] = read(k)
      })
    }
  }
  for (const change of changes) change()
  table.tick = tick
  tables.set(frame.scope, table)
  return table
}

/** Reads the values of a width. Its least integer says that a row has no value. */
function reader(v: DataView, width: number): (k: number) => number {
  const some = (x: number, least: number) => (x === least ? NaN : x)
  switch (width) {
    case 1:
      return (k) => some(v.getInt8(k), -0x80)
    case 2:
      return (k) => some(v.getInt16(2 * k, true), -0x8000)
    case 4:
      return (k) => some(v.getInt32(4 * k, true), -0x80000000)
    // Beyond 2^53 the last digits are lost, which a screen does not show; only zero becomes zero.
    case 8:
      return (k) => some(Number(v.getBigInt64(8 * k, true)), -(2 ** 63))
    default:
      return () => 0
  }
}

/** One value in the unit of its column's name; null if the row has none, 0 if the column has not been received. */
export function value(table: Table | undefined, block: number, row: number, column: number, places: number): number | null {
  const b = table?.blocks.get(block)
  if (!b || row >= b.rows) return null
  const v = b.columns.get(column)?.[row] ?? 0
  return Number.isNaN(v) ? null : v / 10 ** places
}
