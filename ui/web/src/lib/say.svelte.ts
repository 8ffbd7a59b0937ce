// Messages about actions: shown in a corner, read out by screen readers.

class Say {
  text = $state('')
  bad = $state(false)
  #off: ReturnType<typeof setTimeout> | undefined

  tell(text: string, bad = false) {
    clearTimeout(this.#off)
    this.text = ''
    queueMicrotask(() => {
      this.text = text
      this.bad = bad
    })
    this.#off = setTimeout(
      () => {
        this.text = ''
      },
      bad ? 12000 : 5000,
    )
  }
  clear() {
    this.text = ''
  }
}
export const say = new Say()

/** Runs an action and shows a message about its result. */
export async function act<T>(what: () => Promise<T>, done: (t: T) => string): Promise<T | undefined> {
  try {
    const t = await what()
    const text = done(t)
    if (text) say.tell(text)
    return t
  } catch (e) {
    say.tell(e instanceof Error ? e.message : String(e), true)
    return undefined
  }
}
