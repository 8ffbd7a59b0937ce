// Starts the real binary and Debian's Chromium for the journeys, and checks on every page:
// no request to another origin, no error in the console, no finding of axe.
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { chromium } from 'playwright-core'

const require = createRequire(import.meta.url)
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8')
const root = new URL('../../../', import.meta.url).pathname
export const binary = process.env.SMATRIX ?? root + 'bin/smatrix'
export const shots = new URL('./shots/', import.meta.url).pathname
mkdirSync(shots, { recursive: true })

export const looks = {
  light: { viewport: { width: 1440, height: 900 }, colorScheme: 'light', reducedMotion: 'no-preference' },
  dark: { viewport: { width: 1440, height: 900 }, colorScheme: 'dark', reducedMotion: 'reduce' },
  phone: {
    viewport: { width: 390, height: 844 },
    colorScheme: 'light',
    reducedMotion: 'reduce',
    hasTouch: true,
    isMobile: true,
    deviceScaleFactor: 2,
  },
}

/** Starts a server on a free port or on the one given. */
export async function serve(port = 0, ...more) {
  return served(['serve', '--paused', '--seed', '1', '--addr', `127.0.0.1:${port}`, ...more])
}

/** Makes a run that is kept on disk and serves a replay of it. Its files are removed at the end. */
export async function replay(...more) {
  const dir = mkdtempSync(join(tmpdir(), 'replay-'))
  const run = spawnSync(binary, ['run', ...more, '--seed', '1', '--out', join(dir, 'run')], { encoding: 'utf8' })
  if (run.status !== 0) throw new Error(`the run ended with ${run.status}:\n${run.stdout}${run.stderr}`)
  const server = await served(['replay', join(dir, 'run'), '--serve', '--paused', '--addr', '127.0.0.1:0'])
  return {
    ...server,
    stop: async () => {
      await server.stop()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}

async function served(args) {
  const child = spawn(binary, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  const origin = await new Promise((resolve, reject) => {
    const hear = (d) => {
      said += d
      const m = /https?:\/\/127\.0\.0\.1:(\d+)/.exec(said)
      if (m) resolve(m[0])
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.on('exit', (code) => reject(new Error(`the server ended with ${code}:\n${said}`)))
  })
  const api = async (method, path, body) => {
    const r = await fetch(origin + '/api/v1' + path, {
      method,
      headers: body === undefined ? {} : { 'Content-Type': 'application/json' },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    if (!r.ok) throw new Error(`${method} ${path}: ${r.status} ${await r.text()}`)
    return r.status === 204 ? null : r.json()
  }
  return {
    origin,
    api,
    said: () => said,
    get: (path) => api('GET', path),
    step: (steps) => api('POST', '/clock/step', { steps }),
    stop: () =>
      new Promise((resolve) => {
        if (child.exitCode !== null) {
          resolve()
          return
        }
        child.removeAllListeners('exit')
        child.on('exit', resolve)
        child.kill('SIGTERM')
      }),
  }
}

/** A scenario with 130 engines, more than a page of the API has, and a tie. */
export const manyPlants = join(mkdtempSync(join(tmpdir(), 'plants-')), 'plants.yaml')
process.on('exit', () => rmSync(dirname(manyPlants), { recursive: true, force: true }))
writeFileSync(
  manyPlants,
  `start: 2018-01-08
step_s: 900
days: 1
communities: [{id: road}]
water_pumps: [{id: pump, community: road, rated_w: 1000, daily_wh: 3000, from: "06:00", until: "20:00"}]
producers:
${Array.from({ length: 130 }, (_, i) => `  - {id: engine-${i + 1}, community: road, technology: gas_engine, rated_w: 1000}`).join('\n')}
ties: [{id: tie, community: road, import_w: 100000, export_w: 0}]
`,
)

export async function browser() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb'],
  })
}

/** A browser that runs WebGL2 on the main processor: slow, but it runs the same code as with a graphics processor. */
export async function browserWithGL() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: [
      '--no-sandbox',
      '--force-color-profile=srgb',
      '--use-gl=angle',
      '--use-angle=swiftshader',
      '--enable-unsafe-swiftshader',
      '--ignore-gpu-blocklist',
    ],
  })
}

/** Run in a page before its own scripts. The page uses WebGL2 only with a graphics processor; this pretends that there is one. */
export const forceGL = `
  const get = HTMLCanvasElement.prototype.getContext
  HTMLCanvasElement.prototype.getContext = function (kind, options) {
    return get.call(this, kind, kind === 'webgl2' ? { ...options, failIfMajorPerformanceCaveat: false } : options)
  }
  const ask = WebGL2RenderingContext.prototype.getParameter
  WebGL2RenderingContext.prototype.getParameter = function (name) {
    const v = ask.call(this, name)
    return typeof v === 'string' && /swiftshader/i.test(v) ? 'told to be a graphics processor' : v
  }
`

/** A page that records faults; faults() returns them at the end. */
export async function open(b, look, origin, path = '/grid', script = null) {
  const context = await b.newContext(looks[look])
  await context.addInitScript({ content: axe })
  if (script) await context.addInitScript({ content: script })
  const page = await context.newPage()
  const faults = []
  page.on('request', (r) => {
    if (!r.url().startsWith(origin + '/') && !/^(data|blob):/.test(r.url())) faults.push('request off the origin: ' + r.url())
  })
  page.on('websocket', (w) => {
    if (new URL(w.url()).host !== new URL(origin).host) faults.push('socket off the origin: ' + w.url())
  })
  page.on('pageerror', (e) => faults.push('error: ' + e.stack))
  let expectLoss = false
  page.on('console', (m) => {
    if (m.type() === 'error' && !(expectLoss && /WebSocket|ERR_CONNECTION|Failed to load/.test(m.text())))
      faults.push('console: ' + m.text())
  })
  await page.goto(origin + path)
  return {
    page,
    context,
    /** From here on the server may be down or refuse, and the browser may report that. */
    loses: () => {
      expectLoss = true
    },
    shot: (name) => page.screenshot({ path: `${shots}${name}-${look}.png` }),
    /** Runs axe over the present state of the page. */
    axe: async (where) => {
      const found = await page.evaluate(async () =>
        (
          await window.axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
        ).violations.map(
          (v) =>
            `${v.id}: ${v.help}\n    ${v.nodes
              .slice(0, 4)
              .map((n) => n.target.join(' ') + ' · ' + (n.failureSummary ?? '').replace(/\s+/g, ' ').slice(0, 220))
              .join('\n    ')}`,
        ),
      )
      for (const f of found) faults.push(`axe on ${where}: ${f}`)
    },
    faults: () => faults,
    close: () => context.close(),
  }
}

/** Throws an error with a message unless the condition holds. */
export function must(ok, text) {
  if (!ok) throw new Error(text)
}

/** Waits until a function returns a truthy value; on timeout it throws an error with the last value. */
export async function until(what, text, ms = 15000) {
  const end = Date.now() + ms
  let last
  for (;;) {
    try {
      last = await what()
    } catch (e) {
      last = e.message
    }
    if (last === true) return
    if (Date.now() > end) throw new Error(`${text}; last: ${String(last)}`)
    await new Promise((r) => setTimeout(r, 30))
  }
}
