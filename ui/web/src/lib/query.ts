// Converts a search as people type it, "soc<20 kind:battery north", to the API's parameters.

export interface Find {
  q: string
  kind: string
  community: string
  where: string[]
}

export function parseSearch(text: string): Find {
  const f: Find = { q: '', kind: '', community: '', where: [] }
  const rest: string[] = []
  for (const word of text.trim().split(/\s+/).filter(Boolean)) {
    const key = /^(kind|community|name|id):(.+)$/.exec(word)
    const term = /^([a-z_][a-z0-9_.]*)(<=|>=|!=|<|>|=)(-?\d+(?:\.\d+)?)(%?)$/.exec(word)
    if (key?.[1] === 'kind') f.kind = key[2] as string
    else if (key?.[1] === 'community') f.community = key[2] as string
    else if (key) rest.push(key[2] as string)
    else if (term) {
      let n = Number(term[3])
      // A state of charge is between 0 and 1; people write 20 or 20 % for 0.2.
      if (term[4] === '%' || (term[1] === 'soc' && n > 1)) n /= 100
      f.where.push(`${term[1]}${term[2]}${n}`)
    } else rest.push(word)
  }
  f.q = rest.join(' ')
  return f
}
