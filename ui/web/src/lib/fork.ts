// Second futures and what they are compared with.
import { get, post, Problem, type RunInfo } from './api'

const mostForks = 409

/**
 * Forks a run. While the run is not over, it has no steps yet to compare the fork's with: then a second fork of the same step,
 * without changes, is made as well, unless there is one.
 */
export async function fork(at: number, name: string, set: string[], run: string): Promise<RunInfo> {
  const made = await post('/forks', { at, name, set }, { run })
  const { runs } = await get('/runs', {})
  const parent = runs.find((r) => r.id === made.parent)
  if (set.length && parent && !over(parent) && !unchanged(made, runs))
    await post('/forks', { at, name: `${parent.name} unchanged`, set: [] }, { run }).catch((e: unknown) => {
      if (!(e instanceof Problem && e.status === mostForks)) throw e // it is compared with its parent
    })
  return made
}

const over = (r: RunInfo) => ['ended', 'failed', 'replay'].includes(r.state)

/** The fork of the same step without changes. */
const unchanged = (of: RunInfo, runs: RunInfo[]) =>
  runs.find(
    (r) => r.parent === of.parent && r.at === of.at && r.set.length === 0 && r.later_commands === of.later_commands && r.id !== of.id,
  )

/** The run that a fork is compared with: the fork of the same step without changes, or its parent. */
export function comparedWith(id: string, runs: RunInfo[]): string {
  const of = runs.find((r) => r.id === id)
  if (!of) return 'live'
  return (of.set.length ? unchanged(of, runs)?.id : undefined) ?? (of.parent || 'live')
}
