// Pictures of every page in every theme, for people to look at: node e2e/tour.mjs [part of a page's name]
import { browser, looks, open, serve, shots, until } from './harness.mjs'

const only = process.argv[2] ?? ''
const b = await browser()
const server = await serve(0, 'town', '--set', 'days=3')
await server.step(96 + 74)
const { twins } = await server.get('/twins?kind=battery&limit=200')
const battery = twins.find((t) => t.owner)
await server.api('POST', '/forks', { at: 96, name: 'no coal', set: ['producers.coal.available=false'] })
const pages = {
  grid: '/grid',
  community: '/community/' + battery.community,
  home: '/home/' + battery.owner,
  twin: '/twin/' + battery.path,
  plant: '/twin/grid/supply/biogas',
  runs: '/runs?with=fork-1',
  alerts: '/alerts',
  system: '/system',
}
for (const [look, how] of Object.entries(looks)) {
  for (const [name, path] of Object.entries(pages).filter(([n]) => n.includes(only))) {
    const v = await open(b, look, server.origin, path)
    await v.page.locator('[data-testid="clock"]').waitFor()
    await until(async () => (await v.page.locator('[data-testid="clock"]').innerText()) !== '–', 'no clock')
    await v.page.waitForTimeout(1500)
    await v.shot('tour-' + name)
    // The whole page: it scrolls inside, so the window is made as high as its content.
    const more = await v.page.locator('main').evaluate((m) => m.scrollHeight - m.clientHeight)
    await v.page.setViewportSize({ width: how.viewport.width, height: Math.min(6000, how.viewport.height + more) })
    await v.page.waitForTimeout(700)
    for (let y = 0, part = 1; y < how.viewport.height + more; y += 1400, part++) {
      await v.page.screenshot({
        path: `${shots}tour-${name}-${part}-${look}.png`,
        clip: { x: 0, y, width: how.viewport.width, height: Math.min(1400, how.viewport.height + more - y) },
      })
    }
    for (const f of v.faults()) console.log(`${name}, ${look}: ${f}`)
    await v.close()
  }
}
await b.close()
await server.stop()
console.log('see ' + shots)
