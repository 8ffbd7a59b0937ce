// Whole lists of the API, which answers them in pages.
import { get, type Gets, type Query } from './api'

/** All pages of a list in one answer; key names the list. */
export async function whole<P extends keyof Gets>(
  path: P,
  query: Query<Gets[P]['query']>,
  key: keyof Gets[P]['answer'],
  signal?: AbortSignal,
): Promise<Gets[P]['answer']> {
  const page = async (cursor: string) => {
    const answer = await get(path, { ...query, limit: 1000, cursor }, signal)
    return { answer, list: answer[key] as unknown[], next: (answer as { next: string }).next }
  }
  const first = await page('')
  const list = [...first.list]
  for (let next = first.next; next;) {
    const more = await page(next)
    list.push(...more.list)
    next = more.next
  }
  return { ...first.answer, [key]: list, next: '' }
}
