// Which page shows a twin: by its role, not by its kind.
import { live } from './live.svelte'
import { to } from './route.svelte'

/** The page of a path whose kind is known, or guessed from the tree of communities. */
export function pageOf(path: string, kind?: string): string {
  if (path === 'grid') return to('grid')
  if (live.community(path)?.path === path) return to('community', path)
  const k = kind ? live.kind(kind) : undefined
  return to(k && k.role === 'load' && !k.ownable ? 'home' : 'twin', path)
}

export const last = (path: string) => path.split('/').pop() ?? path
/** A path without the prefix grid/, which all have. */
export const short = (path: string) => path.replace(/^grid\//, '')
export { words } from './words'
