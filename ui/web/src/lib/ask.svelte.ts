// Figures that come by REST and grow old as steps are made: fetched again, but not more than once a second.
import { get } from './api'

type Q = Parameters<typeof get>[1]

export class Asked<T> {
  data: T | null = $state.raw(null)
  error = $state('')
  loading = $state(false)
  #last = 0
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort: AbortController | undefined
  #key = ''

  /** what says path and query, or null while they are not known; it is asked again whenever what it reads changes. */
  constructor(what: () => [string, Q] | null, every = 1000) {
    $effect(() => {
      const w = what()
      clearTimeout(this.#timer)
      if (!w) return
      // Another thing is asked for at once, the same thing with a newer end when its time has come.
      const key = w[0] + JSON.stringify({ ...w[1], to: 0, tick: 0, v: 0 })
      const wait = key === this.#key ? Math.max(0, this.#last + every - Date.now()) : 0
      if (key !== this.#key) { this.#abort?.abort(); this.data = null }
      this.#key = key
      this.#timer = setTimeout(() => void this.#fetch(w[0], w[1]), wait)
      return () => clearTimeout(this.#timer)
    })
    $effect(() => () => this.#abort?.abort())
  }

  async #fetch(path: string, q: Q) {
    this.#last = Date.now()
    const key = this.#key
    const abort = (this.#abort = new AbortController())
    this.loading = true
    const { v: _, ...query } = (q ?? {}) as Record<string, never>
    try {
      const data = await get<T>(path, query, abort.signal)
      if (key === this.#key) { this.data = data; this.error = '' }
    } catch (e) {
      if (!abort.signal.aborted) this.error = e instanceof Error ? e.message : String(e)
    } finally { this.loading = false }
  }
}
