import { describe, expect, it } from 'vitest'
import { comparedWith } from '../src/lib/fork'
import type { RunInfo } from '../src/lib/api'

const run = (id: string, parent: string, at: number, set: string[], later_commands: RunInfo['later_commands'] = parent ? 'keep' : '') =>
  ({ id, parent, at, set, later_commands }) as RunInfo

describe('a fork is compared with', () => {
  const change = ['producers.coal.available=false']
  it.each([
    ['its parent', [run('live', '', 0, []), run('a', 'live', 5, change)], 'live'],
    ['the fork of the same step without changes', [run('live', '', 0, []), run('a', 'live', 5, change), run('b', 'live', 5, [])], 'b'],
    ['not with a fork of another step', [run('live', '', 0, []), run('a', 'live', 5, change), run('b', 'live', 6, [])], 'live'],
    ['not with a fork of another run', [run('live', '', 0, []), run('a', 'live', 5, change), run('b', 'c', 5, [])], 'live'],
    [
      'not with one that drops later commands',
      [run('live', '', 0, []), run('a', 'live', 5, change), run('b', 'live', 5, [], 'drop')],
      'live',
    ],
    ['its parent, if it has no changes itself', [run('live', '', 0, []), run('a', 'live', 5, []), run('b', 'live', 5, [])], 'live'],
  ])('%s', (_, runs, want) => {
    expect(comparedWith('a', runs)).toBe(want)
  })
})
