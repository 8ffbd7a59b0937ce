// Fails if a line of the page's sources has more than 140 characters: the formatter leaves long words and strings as they are.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
const limit = 140
const root = fileURLToPath(new URL('../', import.meta.url))
const sources = ['src', 'e2e', 'test', 'scripts'].flatMap((dir) =>
  readdirSync(join(root, dir), { recursive: true }).map((name) => join(dir, name)),
)
let long = 0
for (const name of sources.filter((name) => /\.(css|mjs|svelte|ts)$/.test(name) && !name.startsWith(join('src', 'gen')))) {
  readFileSync(join(root, name), 'utf8')
    .split('\n')
    .forEach((line, i) => {
      if ([...line].length <= limit) return
      console.error(`${name}:${i + 1}: ${[...line].length} characters, wanted at most ${limit}`)
      long++
    })
}
process.exit(long ? 1 : 0)
