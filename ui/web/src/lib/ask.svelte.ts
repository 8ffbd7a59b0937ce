// Fetches figures by REST, and fetches them again as steps are made, at most once a second.
import { get, type Gets, type Query } from './api'
import { whole } from './pages'

/** A query, and v, which is not sent: if v has changed, the query is sent again. */
type Asking<Q> = Omit<Query<Q>, 'v'> & { v?: number }

export class Asked<P extends keyof Gets> {
  data: Gets[P]['answer'] | null = $state.raw(null)
  error = $state('')
  loading = $state(false)
  #last = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort: AbortController | undefined
  #key = ''

  /**
   * query returns the query for path, or null while it is not known; the request is repeated whenever its reactive state changes.
   * With a key all pages of the list of that name are read.
   */
  constructor(
    readonly path: P,
    query: () => Asking<Gets[P]['query']> | null,
    every = 1000,
    readonly key?: keyof Gets[P]['answer'],
  ) {
    $effect(() => {
      const q = query()
      clearTimeout(this.#timer)
      if (!q) return
      // Another query is sent at once; the same one with a newer end waits until a second has passed.
      const key = JSON.stringify({ ...q, to: 0, tick: 0, v: 0 })
      const wait = key === this.#key ? Math.max(0, this.#last + every - Date.now()) : 0
      if (key !== this.#key) {
        this.#abort?.abort()
        this.data = null
      }
      this.#key = key
      this.#timer = setTimeout(() => void this.#fetch(q), wait)
      return () => clearTimeout(this.#timer)
    })
    $effect(() => () => this.#abort?.abort())
  }

  async #fetch(q: Asking<Gets[P]['query']>) {
    this.#last = Date.now()
    const key = this.#key
    const abort = (this.#abort = new AbortController())
    this.loading = true
    const { v: _, ...query } = q
    try {
      const asked = query as Query<Gets[P]['query']>
      const data = await (this.key === undefined ? get(this.path, asked, abort.signal) : whole(this.path, asked, this.key, abort.signal))
      if (key === this.#key) {
        this.data = data
        this.error = ''
      }
    } catch (e) {
      if (!abort.signal.aborted) this.error = e instanceof Error ? e.message : String(e)
    } finally {
      this.loading = false
    }
  }
}
