// What stands in the place of figures that are not there.

/** The part of Asked that says whether an answer has come. */
export interface Waited {
  readonly data: unknown
  readonly error: string
}

/**
 * The words in the place of figures: they are still being read, they could not be read, or, once all answers have come,
 * there are none.
 */
export function blank(none: string, ...asked: Waited[]): string {
  const failed = asked.find((a) => a.data === null && a.error)
  if (failed) return `It could not be read: ${failed.error}`
  return asked.some((a) => a.data === null) ? 'Reading …' : none
}
