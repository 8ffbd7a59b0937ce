// Empties dist but for the placeholder, which is committed so that the Go binary builds without Node.
import { readdirSync, rmSync } from 'node:fs'
const dist = new URL('../dist/', import.meta.url)
for (const name of readdirSync(dist)) {
  if (name !== 'placeholder.html') rmSync(new URL(name, dist), { recursive: true })
}
