// How long a frame of the page takes while 10,000 homes are on the map and the run makes ten steps a second:
// node e2e/frames.mjs [--gl] [--homes 10000] [--seconds 10]
// It prints processor time, because other programs may run; intervals between frames; first paint of the town; the painter used.
import { browser, browserWithGL, forceGL, looks, open, serve, until } from './harness.mjs'

const args = process.argv.slice(2)
const of = (name, or) => (args.includes(name) ? Number(args[args.indexOf(name) + 1]) : or)
const homes = of('--homes', 10000),
  seconds = of('--seconds', 10)
const gl = args.includes('--gl')
const b = gl ? await browserWithGL() : await browser()
const middle = (x, share = 0.5) => [...x].sort((p, q) => p - q)[Math.min(x.length - 1, Math.floor(share * x.length))]

const town = await serve(0)
const paints = []
for (let i = 0; i < 5; i++) {
  const context = await b.newContext(looks.light)
  const page = await context.newPage()
  await page.goto(town.origin + '/grid')
  await page.locator('[data-testid="clock"]').waitFor()
  paints.push(await page.evaluate(() => performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? -1))
  await context.close()
}
console.log(`first paint of the town, median of 5: ${middle(paints).toFixed(0)} ms`)
await town.stop()

const server = await serve(0, 'city', '--set', `households=${homes}`, '--set', `draw.per_community=${homes}`, '--set', 'days=7')
const v = await open(b, 'light', server.origin, '/grid', gl ? forceGL : null)
await v.page.locator('[data-testid="clock"]').waitFor()
await server.step(40) // morning, with sun and load
const map = v.page.getByRole('application', { name: /^Map/ })
await map.focus()
await until(async () => {
  const t = await v.page.locator('.lod').innerText()
  if (/twins of/.test(t)) return true
  await v.page.keyboard.press('+')
  await new Promise((r) => setTimeout(r, 300))
  return t
}, 'no homes are shown')
console.log(
  'map:',
  (await v.page.locator('.lod').innerText()).split('\n')[0],
  '· painter',
  await v.page.locator('[data-painter]').getAttribute('data-painter'),
)
const cdp = await v.context.newCDPSession(v.page)
await cdp.send('Performance.setTimeDomain', { timeDomain: 'threadTicks' }) // processor time: other programs may run
await cdp.send('Performance.enable')
const metrics = async () => Object.fromEntries((await cdp.send('Performance.getMetrics')).metrics.map((m) => [m.name, m.value]))
const state = await server.get('/state')
await server.api('POST', '/clock/speed', { speed: 10 * state.step_s })
await server.api('POST', '/clock/play', {})
await new Promise((r) => setTimeout(r, 2000))
const session = await b.newBrowserCDPSession()
const worked = async () =>
  (await session.send('SystemInfo.getProcessInfo')).processInfo.filter((p) => p.type === 'renderer').reduce((s, p) => s + p.cpuTime, 0)
const before = await metrics(),
  cpu = await worked(),
  from = (await server.get('/state')).tick
const frames = await v.page.evaluate(
  (ms) =>
    new Promise((done) => {
      const at = []
      const go = (t) => {
        at.push(t)
        if (t - at[0] < ms) requestAnimationFrame(go)
        else done(at)
      }
      requestAnimationFrame(go)
    }),
  seconds * 1000,
)
const after = await metrics(),
  spent = (await worked()) - cpu,
  steps = (await server.get('/state')).tick - from
const gaps = frames.slice(1).map((t, i) => t - frames[i])
const ms = (x) => `${x.toFixed(1)} ms`
const apart = `median ${ms(middle(gaps))} apart, 95 % ${ms(middle(gaps, 0.95))}, longest ${ms(Math.max(...gaps))}`
console.log(`${gaps.length} frames in ${seconds} s: ${apart}`)
const cpuWords = `${ms((1000 * spent) / gaps.length)} a frame, ${ms((1000 * spent) / steps)} a step`
console.log(`processor time of the page, all its threads: ${cpuWords} of which there were ${(steps / seconds).toFixed(1)} a second`)
const heap = (after.JSHeapUsedSize / 1e6).toFixed(0)
const aFrame = (name) => ms((1000 * (after[name] - before[name])) / gaps.length)
console.log(`main thread: ${aFrame('TaskDuration')} a frame, of it script ${aFrame('ScriptDuration')}; heap ${heap} MB`)
await b.close()
await server.stop()
