// Fails if the page's scripts weigh more than promised: 150 kB gzipped, all of them together.
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
const limit = 150_000
const assets = new URL('../dist/assets/', import.meta.url)
let total = 0
for (const name of readdirSync(assets)) {
  if (name.endsWith('.js')) total += gzipSync(readFileSync(new URL(name, assets)), { level: 9 }).length
}
console.log(`scripts gzipped: ${total} of ${limit} bytes`)
if (total === 0 || total > limit) {
  console.error(`scripts must weigh between 1 and ${limit} bytes gzipped`)
  process.exit(1)
}
