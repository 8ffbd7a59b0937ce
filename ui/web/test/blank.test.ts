import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { blank } from '../src/lib/blank'

describe('an empty place says why it is empty', () => {
  const coming = { data: null, error: '' },
    failed = { data: null, error: 'no step 7' },
    there = { data: { events: [] }, error: '' },
    stale = { data: { events: [] }, error: 'no answer' }
  for (const [name, asked, want] of [
    ['nothing was asked for', [], 'Nothing.'],
    ['the answer is still to come', [coming], 'Reading …'],
    ['one of two is still to come', [there, coming], 'Reading …'],
    ['the answer has come and is empty', [there], 'Nothing.'],
    ['it failed', [failed], 'It could not be read: no step 7'],
    ['one of two failed', [coming, failed], 'It could not be read: no step 7'],
    ['a later one failed, the figures are those of before', [stale], 'Nothing.'],
  ] as const)
    test(name, () => expect(blank('Nothing.', ...asked)).toBe(want))
})

// Charts have to be given what they wait for (a type error otherwise). Lists and tables say that there is nothing through
// blank, unless what they show is already there.
test('no list claims to be empty while it is read', () => {
  const known = [
    'System.svelte', // nothing is asked for
  ]
  const claims: string[] = []
  for (const folder of ['pages', 'parts']) {
    const dir = join(import.meta.dirname, '../src', folder)
    for (const file of readdirSync(dir).filter((f) => f.endsWith('.svelte') && !known.includes(f)))
      for (const [claim] of readFileSync(join(dir, file), 'utf8').matchAll(
        /'?(Nothing (has been|of note|was asked)|No (members|alerts|decisions)|None in)[^<'`]*/g,
      ))
        claims.push(`${file}: ${claim.trim()}`)
  }
  const through = claims.filter((c) => !c.includes(": '"))
  expect(claims.length).toBeGreaterThan(5)
  expect(through).toEqual([])
})
