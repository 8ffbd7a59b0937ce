// Plays the journeys: node e2e/run.mjs [name] [--look light]
import { browser, replay, serve } from './harness.mjs'
import { journeys } from './journeys.mjs'

const args = process.argv.slice(2)
const at = args.indexOf('--look')
const looks = at >= 0 ? [args[at + 1]] : ['light', 'dark', 'phone']
if (at >= 0) args.splice(at, 2)
const chosen = Object.entries(journeys).filter(([name]) => args.length === 0 || args.includes(name))
const b = await browser()
let failed = 0
for (const [name, journey] of chosen) {
  for (const look of looks.filter((l) => journey.looks?.includes(l) ?? true)) {
    const started = Date.now()
    const what = [...(journey.scenario ? [journey.scenario] : []), ...(journey.flags ?? [])]
    let server = await (journey.replay ? replay(...what) : serve(0, ...what))
    const views = []
    try {
      const use = {
        b,
        look,
        server,
        views,
        replace: (s) => {
          server = s
        },
      }
      await journey.play(use)
      const faults = views.flatMap((v) => v.faults())
      if (faults.length) throw new Error([...new Set(faults)].join('\n  '))
      console.log(`ok   ${name}, ${look}  ${((Date.now() - started) / 1000).toFixed(1)} s`)
    } catch (e) {
      failed++
      const faults = [...new Set(views.flatMap((v) => v.faults()))]
      console.log([`FAIL ${name}, ${look}`, e.message, ...faults, `again: node e2e/run.mjs "${name}" --look ${look}`].join('\n  '))
      for (const v of views) await v.shot('failed-' + name.replace(/\W+/g, '-')).catch(() => {})
    } finally {
      for (const v of views) await v.close().catch(() => {})
      await server.stop()
    }
  }
}
await b.close()
console.log(failed ? `${failed} failed` : 'all journeys went well')
process.exit(failed ? 1 : 0)
