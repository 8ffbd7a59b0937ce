import { expect, test } from 'vitest'
import { parseSearch } from '../src/lib/query'
test('figures, kinds and names', () => {
  expect(parseSearch('soc<20 kind:battery north')).toEqual({ q: 'north', kind: 'battery', community: '', where: ['soc<0.2'] })
  expect(parseSearch('soc>=50% power_w>5000 community:south').where).toEqual(['soc>=0.5', 'power_w>5000'])
  expect(parseSearch('soc<0.2').where).toEqual(['soc<0.2'])
  expect(parseSearch('  ')).toEqual({ q: '', kind: '', community: '', where: [] })
  expect(parseSearch('a<b <1 x<').q).toBe('a<b <1 x<')
})
