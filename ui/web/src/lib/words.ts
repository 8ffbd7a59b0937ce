// Names of twins and devices as people read them.
const known: Record<string, string> = { pv: 'Panels' }

/** battery-1 → Battery 1, producer/gas_engine → Gas engine. */
export function words(name: string): string {
  if (known[name]) return known[name]
  const s = (name.split('/').pop() ?? name).replace(/[_-]/g, ' ')
  return s.charAt(0).toUpperCase() + s.slice(1)
}
