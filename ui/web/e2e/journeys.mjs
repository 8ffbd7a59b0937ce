// What people do, step by step, each time against a new server.
import { browserWithGL, forceGL, manyPlants, must, open, serve, until } from './harness.mjs'

const text = (page, selector) => page.locator(selector).first().innerText()
const clock = (page) => text(page, '[data-testid="clock"]')
const chip = (page) => page.locator('[data-state]').getAttribute('data-state')

async function view(use, path) {
  const v = await open(use.b, use.look, use.server.origin, path)
  use.views.push(v)
  await v.page.locator('[data-testid="clock"]').waitFor()
  return v
}

/** Presses a button that sends a command, and waits until the server has accepted it: a step before that would miss it. */
async function order(page, button) {
  const taken = page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes('/api/v1/commands'))
  await button.click()
  await taken
}

/** A household with a battery and a vehicle, looked up by the API. */
async function homeWithBattery(server) {
  const { twins } = await server.get('/twins?kind=battery&limit=200')
  const t = twins.find((x) => x.owner)
  must(t, 'the town has no battery behind a meter')
  return t
}

export const journeys = {
  'the town moves': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/')
      must((await chip(v.page)) === 'PAUSED', 'it began paused, the page says ' + (await chip(v.page)))
      await server.step(30)
      await until(
        async () => (await clock(v.page)) === '07:15' || (await clock(v.page)),
        'after 30 quarter hours the step shown began at 07:15',
      )
      const before = await text(v.page, '[data-testid="balance"]')
      await server.step(1)
      await until(async () => (await text(v.page, '[data-testid="balance"]')) !== before, 'the balance did not move with the step')
      await v.page.getByRole('button', { name: 'Play' }).click()
      await until(async () => (await chip(v.page)) === 'LIVE', 'the page does not say LIVE')
      const t = await clock(v.page)
      await until(async () => (await clock(v.page)) !== t, 'the clock stands still')
      await v.page.getByRole('button', { name: 'Pause' }).click()
      await until(async () => (await chip(v.page)) === 'PAUSED', 'the page does not say PAUSED')
    },
  },

  'balanced, and nearest its limit': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await server.step(72)
      await until(async () => (await clock(v.page)) === '17:45', 'the page does not show 17:45')
      const balance = await text(v.page, '[data-testid="balance"]')
      must(/Balanced/.test(balance) && /exactly 0 W/.test(balance), 'the balance is not told: ' + balance)
      // The community named is the first by the API's figures.
      const tree = await server.get('/tree')
      let best = { share: -1 }
      for (const c of tree.communities) {
        const { reading } = await server.get('/twin?path=' + encodeURIComponent(c.path))
        if (reading.limit_w > 0) {
          const share = Math.abs(reading.power_w) / reading.limit_w
          if (share > best.share) best = { share, id: c.id }
        }
      }
      const nearest = await text(v.page, '[data-testid="nearest"]')
      must(nearest.includes(best.id), `nearest its limit is ${best.id}, the page says ${nearest}`)
      must(nearest.replace(/\s/g, ' ').includes(Math.round(best.share * 100) + ' %'), `it uses ${best.share}, the page says ${nearest}`)
      await until(
        async () => (await v.page.getByRole('slider', { name: /Production by kind/ }).getAttribute('aria-valuemax')) === '95',
        'the chart does not hold 72 steps and the forecast of the rest of the day',
      )
      await until(async () => /Coal/.test(await v.page.locator('main').innerText()), 'the chart has no coal')
      await v.axe('/grid')
      await v.shot('grid')
      if (use.look === 'phone') {
        await v.page.locator('main').evaluate((m) => m.scrollTo(0, 620))
        await v.shot('grid-2')
        await v.page.locator('main').evaluate((m) => m.scrollTo(0, 1700))
        await v.shot('grid-3')
      } else {
        await v.page.locator('main').evaluate((m) => m.scrollTo(0, 640))
        await v.shot('grid-2')
      }
      await v.page.locator('main').evaluate((m) => m.scrollTo(0, 0))
      const map = v.page.getByRole('application', { name: /^Map/ })
      await map.focus()
      for (let i = 0; i < 8 && !/twins of/.test(await text(v.page, '.lod')); i++) await v.page.keyboard.press('+')
      must(/twins of \d+ communit/.test(await text(v.page, '.lod')), 'zooming shows no homes: ' + (await text(v.page, '.lod')))
      await v.page.goto(v.page.url().split('?')[0] + '?twin=' + encodeURIComponent(tree.communities[0].path))
      await v.page.getByRole('complementary').getByText('Net power').waitFor()
      await map.focus()
      for (let i = 0; i < 5; i++) await v.page.keyboard.press('+')
      await until(async () => /twins of/.test(await text(v.page, '.lod')), 'no homes')
      await v.axe('the map with homes and the inspector')
      await v.shot('map')
    },
  },

  'to one home and its battery': {
    async play(use) {
      const { server } = use
      const battery = await homeWithBattery(server)
      const v = await view(use, '/grid')
      await server.step(60)
      await until(async () => (await clock(v.page)) === '14:45', 'the page does not show 14:45')
      const name = battery.community.split('/').pop()
      await v.page.locator('main table').getByRole('link', { name, exact: true }).first().click()
      await v.page.getByRole('heading', { level: 1, name }).waitFor()
      await v.page
        .locator('main table')
        .getByRole('link', { name: battery.owner.split('/').pop(), exact: true })
        .waitFor()
      await until(async () => (await v.page.locator('main').innerText()).includes('exactly 0 W'), 'the community shows its residual')
      await v.axe('/community')
      await v.shot('community')
      await v.page
        .locator('main table')
        .getByRole('link', { name: battery.owner.split('/').pop(), exact: true })
        .click()
      const link = v.page.locator('main table a[data-kind="battery"]').first()
      await link.waitFor()
      await until(
        async () => /residual exactly 0 W/.test((await v.page.locator('main').innerText()).replace(/\s+/g, ' ')),
        'the home shows its residual',
      )
      // Power and energy never share a widget.
      for (const panel of await v.page.locator('main section').all()) {
        // A rating, "10 kWh · 5 kW", is neither power now nor energy over a time.
        const ratings = await panel.locator('[data-rating]').allInnerTexts()
        const t = ratings.reduce((s, r) => s.replace(r, ''), await panel.innerText()).replace(/\s/g, ' ')
        must(
          !(/\d ?k?W(?!h)\b/.test(t) && /\d ?k?Wh\b/.test(t)) || /Change this home|What happened|Settings/.test(t),
          'power and energy share a widget: ' + t.slice(0, 300),
        )
      }
      await v.axe('/home')
      await v.shot('home')
      await v.page.locator('main').evaluate((m) => m.scrollTo(0, 560))
      await v.shot('home-2')
      await link.click()
      await v.page.getByRole('heading', { level: 1, name: battery.path.split('/').pop() }).waitFor()
      const twin = await server.get('/twin?path=' + encodeURIComponent(battery.path))
      const soc = (twin.reading.soc * 100).toFixed(1)
      await until(
        async () => (await v.page.locator('main').innerText()).includes(soc) || (await v.page.locator('main').innerText()),
        `its state of charge is ${soc} %`,
      )
      await v.axe('/twin')
      await v.shot('twin')
    },
  },

  'a battery is put to rest': {
    async play(use) {
      const { server } = use
      const battery = await homeWithBattery(server)
      const v = await view(use, '/home/' + battery.owner)
      await server.step(4)
      const form = v.page.locator('main form').filter({ hasText: /Mode/ }).first()
      await form.locator('select').selectOption('idle')
      await form.getByRole('button', { name: 'Set' }).click()
      await v.page.getByText('Kept.').waitFor()
      await server.step(2)
      const twin = await server.get('/twin?path=' + encodeURIComponent(battery.path))
      must(twin.settings.find((s) => s.name === 'mode').word === 'idle', 'the battery is not idle: ' + JSON.stringify(twin.settings))
      await until(async () => (await form.locator('select').inputValue()) === 'idle', 'the page does not show it')
      // Flows move while the town runs, and do not move for users who prefer reduced motion.
      const flow = v.page.locator('.flow')
      must((await flow.getAttribute('data-moving')) === 'false', 'flows move while the run is paused')
      await v.page.getByRole('button', { name: 'Play' }).click()
      await until(async () => (await chip(v.page)) === 'LIVE', 'the page does not say LIVE')
      await until(
        async () => (await flow.getAttribute('data-moving')) === String(use.look === 'light'),
        'flows move only where motion is welcome',
      )
      await v.page.getByRole('button', { name: 'Pause' }).click()
    },
  },

  'pause, step, an earlier evening, back to live': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await server.step(90)
      await until(async () => (await clock(v.page)) === '22:15', 'the page does not show 22:15')
      await v.page.getByRole('button', { name: 'Step', exact: true }).click()
      await until(async () => (await clock(v.page)) === '22:30', 'the step is not shown')
      const scrubber = v.page.getByRole('slider', { name: 'Moment looked at' })
      await scrubber.fill('72')
      await until(async () => (await clock(v.page)) === '18:00' && (await chip(v.page)) === 'REPLAY', 'the page does not replay 18:00')
      const then = await server.get('/flows?scope=grid&column=load_w&from=72&to=73')
      await until(async () => /in, /.test(await text(v.page, '[data-testid="balance"]')), 'no balance in replay')
      must(then.series[0].v[0] > 0, 'no load then')
      must((await server.get('/state')).tick === 91, 'scrubbing moved the simulation')
      must(v.page.url().includes('step=72'), 'the address does not hold the time: ' + v.page.url())
      await v.shot('replay')
      await scrubber.focus()
      await v.page.keyboard.press('ArrowLeft')
      await until(async () => (await clock(v.page)) === '17:45', 'the arrow key does not move the own clock')
      await v.page.reload()
      await until(async () => (await clock(v.page)) === '17:45' && (await chip(v.page)) === 'REPLAY', 'the address does not show the same')
      await v.page.getByRole('button', { name: 'Back to live' }).first().click()
      await until(async () => (await clock(v.page)) === '22:30' && (await chip(v.page)) === 'PAUSED', 'it is not back')
      await v.page.locator('body').click({ position: { x: 5, y: 300 } })
      await v.page.keyboard.press('Space')
      await until(async () => (await chip(v.page)) === 'LIVE', 'space does not play')
      await v.page.keyboard.press('Space')
      await until(async () => (await chip(v.page)) === 'PAUSED', 'space does not pause')
    },
  },

  'two futures': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/runs')
      await server.step(48)
      await until(
        async () => (await v.page.locator('main').innerText()).includes('begins at step 48'),
        'the fork would not begin at step 48',
      )
      await v.page.getByLabel('Name').fill('no coal')
      await v.page.getByLabel('A plant or tie is lost').selectOption({ label: 'coal' })
      await v.page.getByRole('button', { name: 'Fork', exact: true }).click()
      await v.page.getByRole('heading', { name: /town unchanged and no coal, side by side/ }).waitFor()
      const { runs } = await server.get('/runs')
      const fork = runs.find((r) => r.name === 'no coal')
      must(fork && fork.parent === 'live' && fork.at === 48, 'there is no fork: ' + JSON.stringify(runs))
      // The run itself has no later steps: the fork is compared with one without changes, to the end of both.
      await until(
        async () => /They differ from .* the end of step 671\./.test(await v.page.locator('[data-testid="difference"]').innerText()),
        'no difference is told',
      )
      await v.page.locator('main .u-over').first().waitFor()
      for (const table of await v.page.locator('.wraps').all())
        await until(
          () => table.evaluate((e) => e.scrollWidth <= e.clientWidth || `${e.scrollWidth} of ${e.clientWidth}: ${e.innerText}`),
          'a table of the comparison is cut',
          3000,
        )
      await v.axe('/runs')
      await v.shot('runs')
      await v.page.locator('main').evaluate((m) => m.scrollTo(0, 430))
      await v.shot('runs-2')
      await v.page.getByRole('link', { name: 'Look at no coal' }).click()
      await until(async () => v.page.url().includes('run=' + fork.id) && (await clock(v.page)) === '11:45', 'the other future is not shown')
      const shown = new URL(v.page.url())
      const again = await view(use, shown.pathname + shown.search)
      await until(async () => (await clock(again.page)) === '11:45', 'its address opened anew shows something else')
      await again.page.locator('[aria-label^="Communities, nearest"] tbody a').first().waitFor({ state: 'attached' })
    },
  },

  'one scrubs, one stays live': {
    async play(use) {
      const { server } = use
      await server.step(60)
      const a = await view(use, '/grid'),
        b = await view(use, '/grid')
      await until(async () => (await clock(a.page)) === '14:45' && (await clock(b.page)) === '14:45', 'both are live')
      await a.page.getByRole('slider', { name: 'Moment looked at' }).fill('20')
      await until(async () => (await clock(a.page)) === '05:00', 'the first looks at 05:00')
      await server.step(5)
      await until(async () => (await clock(b.page)) === '16:00', 'the second goes on')
      must((await clock(a.page)) === '05:00' && (await chip(a.page)) === 'REPLAY', 'the first was moved')
      must((await chip(b.page)) !== 'REPLAY', 'the second was moved')
    },
  },

  'the server comes back': {
    async play(use) {
      const v = await view(use, '/grid')
      await use.server.step(40)
      await until(async () => (await clock(v.page)) === '09:45', 'the page shows 09:45')
      v.loses()
      const port = new URL(use.server.origin).port
      await use.server.stop()
      await until(async () => (await chip(v.page)) === 'STALE', 'the page does not say STALE')
      await v.shot('stale')
      const again = await serve(port)
      use.replace(again)
      await again.step(50)
      await until(
        async () => (await chip(v.page)) === 'PAUSED' && (await clock(v.page)) === '12:15',
        'the page does not show the new state',
      )
      // A page that has shown another run shows the same as a newly opened one: all figures come from the server.
      const fresh = await open(use.b, use.look, again.origin, '/grid')
      use.views.push(fresh)
      const told = async (page) => (await page.locator('.glance, .list table').allInnerTexts()).join('\n')
      await until(
        async () => (await clock(fresh.page)) === '12:15' && /in, .* out/.test(await told(fresh.page)),
        'a fresh page shows no step',
      )
      await until(async () => {
        const [a, b] = [await told(v.page), await told(fresh.page)]
        return a === b || `${a}\n\nis not\n\n${b}`
      }, 'after coming back the page tells other things than a fresh one')
      const load = (await again.get('/flows?scope=grid&column=power_w&from=49&to=50')).series[0].v[0],
        { communities } = await again.get('/tree')
      const { twins } = await again.get('/twins?kind=household&limit=1&tick=49')
      must(load !== undefined && twins.length === 1, 'the API has the step')
      for (const c of communities) {
        const { reading } = await again.get('/twin?path=' + encodeURIComponent(c.path))
        const kw = (Math.abs(reading.power_w) / 1000).toPrecision(3)
        must(
          (await told(v.page)).replace(/\s/g, ' ').includes(kw + ' kW') || Math.abs(reading.power_w) < 1000,
          `${c.id} has ${reading.power_w} W, which the page does not show`,
        )
      }
    },
  },

  'a limit set and lifted': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      // Before the first step the limits are known, and nothing else.
      const first = (await server.get('/tree')).communities[0]
      await v.page.goto(server.origin + '/community/' + first.path)
      await v.page.getByText(/– of 75\.0.kW/).waitFor()
      await v.page.getByText(/The limit is 75\.0.kW/).waitFor()
      await v.page.goto(server.origin + '/grid')
      const list = () => text(v.page, '.list tbody')
      await until(async () => /– of 75\.0.kW/.test(await list()) || (await list()), 'the list has no limits before the first step')
      await server.step(30)
      await until(async () => (await clock(v.page)) === '07:15', 'the page does not show 07:15')
      const row = v.page.locator('.list tbody tr').filter({ has: v.page.getByRole('link', { name: 'supply', exact: true }) })
      await until(async () => /no limit/.test(await row.innerText()), 'supply is not told to have no limit: ' + (await row.innerText()))
      await v.page.getByLabel('Limit of').selectOption({ label: 'supply' })
      const lift = v.page.getByRole('button', { name: 'Lift limit' })
      must(await lift.isDisabled(), 'a limit that is not there can be lifted')
      await v.page.getByLabel('Limit, kW').fill('90')
      await v.page.getByRole('button', { name: 'Set limit' }).click()
      await v.page.getByText(/The limit of supply is 90\.0.kW from 07:30/).waitFor()
      await server.step(4)
      const { reading } = await server.get('/twin?path=grid/supply')
      must(reading.limit_w === 90000, 'its limit is ' + reading.limit_w)
      const share = Math.round((100 * Math.abs(reading.power_w)) / 90000) + ' %'
      await until(
        async () => (await row.innerText()).replace(/\s/g, ' ').includes(share),
        `the list does not say ${share}: ` + (await row.innerText()),
      )
      if (use.look === 'light') await v.axe('/grid with the limit form')
      await v.page.goto(server.origin + '/community/grid/supply')
      await v.page.getByText(/The limit is 90\.0.kW/).waitFor()
      const chart = v.page.getByRole('slider', { name: /Net load of supply/ })
      await v.page.locator('main .u-over').first().waitFor()
      const said = async (key) => {
        await chart.focus()
        await v.page.keyboard.press(key)
        return (await chart.getAttribute('aria-valuetext')).replace(/\s/g, ' ')
      }
      await until(async () => /Import limit 90.0 kW/.test(await said('End')) || (await said('End')), 'the chart has no limit')
      must(/Import limit –/.test(await said('Home')), 'the chart has the limit before it was set: ' + (await said('Home')))
      await v.axe('a community with a limit')
      await v.shot('limit')
      await v.page.getByRole('button', { name: 'Lift limit' }).click()
      await v.page.getByText(/Limit is lifted at 08:30/).waitFor()
      await server.step(2)
      await v.page.getByText('It has no limit').waitFor()
      await until(async () => /Import limit –/.test(await said('End')) || (await said('End')), 'the chart still has a limit')
      must((await server.get('/twin?path=grid/supply')).settings.find((s) => s.name === 'limit_w').value === null, 'the limit is not gone')
      await v.page.goto(server.origin + '/grid')
      await until(async () => /no limit/.test(await row.innerText()), 'the list still has a limit')
    },
  },

  'the forecast and its band': {
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await server.step(12)
      const words = v.page.locator('[data-testid="forecast"]')
      await until(
        async () => /It has no band yet: of \d+ quarter hours .* takes 24/.test((await words.innerText()).replace(/\s+/g, ' ')),
        'it is not told why there is no band',
      )
      must(!/should come to lie/.test(await v.page.locator('main').innerText()), 'a band is drawn before there is one')
      await server.step(60)
      await until(
        async () =>
          /In the band around the forecast 8 of 10 should come to lie, by how far off the \d+ forecasts so far were/.test(
            (await words.innerText()).replace(/\s+/g, ' '),
          ),
        'the band is not told',
      )
      const chart = v.page.getByRole('slider', { name: /Production by kind/ })
      await until(async () => (await chart.getAttribute('aria-valuemax')) === '95', 'the chart does not reach the end of the day')
      await chart.focus()
      await v.page.keyboard.press('End')
      await until(
        async () => /where 8 of 10 should come to lie .*W to .*W/.test((await chart.getAttribute('aria-valuetext')) ?? ''),
        'the band is not announced: ' + (await chart.getAttribute('aria-valuetext')),
      )
      const p = await server.get('/production')
      const of = (name) => p.series.filter((s) => s.name === name).at(-1)
      const low = of('forecast_low_w'),
        high = of('forecast_high_w')
      const wide = (k) => high.v[k] - low.v[k]
      must(low.t.at(-1) >= 95 && wide(low.t.indexOf(95)) > wide(low.t.indexOf(73)), 'the band does not widen')
      await v.axe('the band')
      await chart.scrollIntoViewIfNeeded()
      await v.shot('band')
      await v.page.getByRole('button', { name: 'Table of Production by kind against consumption' }).click()
      const table = v.page.getByRole('table', { name: 'Production by kind against consumption' })
      await table.getByRole('columnheader', { name: 'where 8 of 10 should come to lie' }).waitFor()
      must(/W to .*W/.test(await table.locator('tbody tr').last().innerText()), 'the table has no band')
      // In the evening the page shows the forecast of noon.
      await v.page.getByRole('slider', { name: 'Moment looked at' }).fill('48')
      await until(async () => (await clock(v.page)) === '12:00', 'the page does not show 12:00')
      await until(async () => /what the operator expects/.test(await words.innerText()), 'noon has no forecast of its own')
    },
  },

  'a kept run replayed': {
    replay: true,
    scenario: 'town',
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await until(async () => (await chip(v.page)) === 'REPLAY', 'the page does not say REPLAY')
      must(/kept run/.test(await v.page.locator('header').first().innerText()) || use.look === 'phone', 'the page takes it for a live run')
      // Seeks any step, in both directions, for all viewers.
      for (const [tick, at] of [
        [80, '19:45'],
        [20, '04:45'],
      ]) {
        await server.api('POST', '/clock/seek', { tick })
        await until(async () => (await clock(v.page)) === at, 'the page does not show ' + at)
      }
      await until(async () => /Balanced/.test(await text(v.page, '[data-testid="balance"]')), 'a kept step is not balanced')
      await v.page.getByLabel('Speed').selectOption('14400')
      await until(async () => (await server.get('/state')).speed === 14400, 'the speed is not taken')
      await v.page.getByRole('button', { name: 'Play', exact: true }).click()
      await until(async () => (await clock(v.page)) > '05:30', 'the replay does not play')
      must((await chip(v.page)) === 'REPLAY', 'a replay that plays says ' + (await chip(v.page)))
      await v.page.getByRole('button', { name: 'Pause' }).click()
      await until(async () => !(await server.get('/state')).playing, 'it does not pause')
      // The viewer's own clock goes to any step that is kept, also ahead of the replay's clock.
      const stands = (await server.get('/state')).tick
      await v.page.getByRole('slider', { name: 'Moment looked at' }).fill('90')
      await until(async () => (await clock(v.page)) === '22:30', 'the page does not look at 22:30')
      must((await server.get('/state')).tick === stands, 'looking moved the replay')
      await v.page.getByRole('button', { name: 'Back to the replay' }).click()
      await until(async () => (await clock(v.page)) < '22:00', 'it is not back')
      // Nothing can be changed, and the page says so.
      must(await v.page.getByLabel('Limit of').isDisabled(), 'a limit could be set in a replay')
      must(/^The run is over: nothing can be ordered/.test(await text(v.page, '[data-testid="ordering"]')), 'it is not said why')
      await v.axe('a replay')
      await v.shot('kept')
    },
  },

  'alerts, search, system, keys': {
    async play(use) {
      const { server } = use
      const battery = await homeWithBattery(server)
      const v = await view(use, '/alerts')
      // A community with a tiny limit exceeds it.
      const community = battery.community
      await server.api('POST', '/commands', { target: community, setting: 'limit_w', value: 1000 })
      await server.step(40)
      await v.page
        .getByRole('button', { name: /^Acknowledge/ })
        .first()
        .waitFor()
      await v.axe('/alerts')
      await v.shot('alerts')
      await v.page
        .getByRole('button', { name: /^Acknowledge/ })
        .first()
        .click()
      await until(async () => (await v.page.locator('main').innerText()).includes('acknowledged'), 'it is not acknowledged')
      await v.page.keyboard.press('Control+k')
      await v.page.getByRole('combobox', { name: 'Search twins' }).fill('kind:battery soc<101')
      await v.page.locator('#found [role=option]').first().waitFor()
      await v.axe('search')
      await v.shot('search')
      await v.page.keyboard.press('Enter')
      await until(async () => v.page.url().includes('/twin/'), 'search leads nowhere')
      await v.page.goto(server.origin + '/system')
      await until(async () => /Viewers now\s*1/.test(await v.page.locator('main').innerText()), 'the system page counts no viewer')
      await v.axe('/system')
      await v.shot('system')
      await v.page.goto(server.origin + '/nowhere')
      await v.page.getByRole('heading', { name: 'There is no such page' }).waitFor()
      v.loses() // the browser itself logs a 404 to its console
      await v.page.goto(server.origin + '/home/grid/nobody')
      await until(async () => (await v.page.locator('main .bad').first().innerText()).length > 5, 'an unknown home is not told')
      await v.page.goto(server.origin + '/grid')
      const chart = v.page.getByRole('slider', { name: /Production by kind/ })
      await chart.waitFor()
      await v.page.locator('main .u-over').first().waitFor()
      await until(async () => Number(await chart.getAttribute('aria-valuemax')) > 0, 'the chart stays empty')
      await chart.focus()
      await v.page.keyboard.press('Home')
      await until(
        async () => /00:00, .*Consumption .*W/.test(await chart.getAttribute('aria-valuetext')),
        'the cursor is not announced: ' + (await chart.getAttribute('aria-valuetext')),
      )
      await v.page.getByRole('button', { name: 'Table of Production by kind against consumption' }).click()
      await v.page.getByRole('table', { name: 'Production by kind against consumption' }).waitFor()
      await v.axe('a table')
    },
  },

  'panels on a roof and off': {
    async play(use) {
      const { server } = use
      // Any home without panels; their effect shows at noon.
      const { twins } = await server.get('/twins?kind=household&limit=300')
      let bare
      for (const t of twins) {
        const twin = await server.get('/twin?path=' + encodeURIComponent(t.path))
        if (twin.settings.find((s) => s.name === 'pv.scale')?.value === 0) {
          bare = twin
          break
        }
      }
      must(bare, 'every home has panels')
      const v = await view(use, '/home/' + bare.path)
      await server.step(46)
      const roof = v.page.locator('[data-testid="roof"]')
      await until(async () => /^No panels/.test(await roof.innerText()), 'a bare roof is not told')
      must(
        !/Panels (now|exports|gives)/.test(await v.page.locator('main table').first().innerText()),
        'panels that are not there stand among the devices',
      )
      await v.axe('a bare roof')
      await v.page.getByLabel('Power, kW').fill('7.5')
      await v.page.getByRole('button', { name: 'Put on', exact: true }).click()
      await v.page.getByText(/7\.50.kW of panels are on the roof from 11:30/).waitFor()
      await server.step(2)
      await until(async () => /^7\.50.kW of panels are on this roof/.test(await roof.innerText()), 'the panels are not told')
      const on = await server.get('/twin?path=' + encodeURIComponent(bare.path))
      must(on.reading.generation_w > 0, 'the panels give nothing at noon: ' + JSON.stringify(on.reading))
      await until(
        async () => (await v.page.locator('main table').first().innerText()).includes('Panels'),
        'the panels are not among the devices',
      )
      await v.shot('roof')
      await order(v.page, v.page.getByRole('button', { name: 'Take off' }))
      await server.step(1)
      await until(async () => /^No panels/.test(await roof.innerText()), 'the panels stay on the page')
      const off = await server.get('/twin?path=' + encodeURIComponent(bare.path))
      must(off.reading.generation_w === 0, 'panels that are off give ' + off.reading.generation_w)
      must(
        /^(No battery is in this home|A battery of )/.test(await text(v.page, '[data-testid="home-battery"]')) ||
          (await v.page.locator('[data-testid="battery-state"]').count()) > 0,
        'nothing is said of a battery',
      )
    },
  },

  'a battery put in and taken out': {
    async play(use) {
      const { server } = use
      // Of the homes with panels and no battery the one that feeds in most at 11:00.
      await server.step(44)
      const { twins } = await server.get('/twins?kind=household&limit=300')
      let best
      for (const t of twins.filter((x) => x.values.power_w < -200).sort((a, b) => a.values.power_w - b.values.power_w)) {
        const twin = await server.get('/twin?path=' + encodeURIComponent(t.path))
        const devices = await Promise.all(twin.children.map((c) => server.get('/twin?path=' + encodeURIComponent(c))))
        if (devices.length === 1 && devices[0].absent) {
          best = { home: twin.path, battery: devices[0].path }
          break
        }
      }
      must(best, 'no home with panels is prepared for a battery and feeds in')
      const read = () => server.get('/twin?path=' + encodeURIComponent(best.battery))
      const listed = async () => (await server.get('/twins?kind=battery&limit=1000')).total
      const before = await listed()
      const v = await view(use, '/home/' + best.home)
      const panel = v.page.locator('section').filter({ has: v.page.getByRole('heading', { name: 'Battery in this home' }) })
      const said = v.page.locator('[data-testid="home-battery"]')
      await until(
        async () =>
          /^No battery is in this home\. One of 10\.0.kWh · 5\.00.kW can be put in; it begins empty\.$/.test(await said.innerText()),
        'a place for a battery is not told',
      )
      must(
        (await v.page.locator('main table a[data-kind="battery"]').count()) === 0,
        'a battery that is not there stands among the devices',
      )
      must(
        (await v.page.getByRole('heading', { name: 'State of charge' }).count()) === 0,
        'a battery that is not there has a state of charge',
      )
      await v.axe('a home prepared for a battery')
      await panel.scrollIntoViewIfNeeded()
      await v.shot('battery-0')
      const button = v.page.getByRole('button', { name: 'Put a battery in' })
      await button.focus()
      await v.page.keyboard.press('Enter')
      await v.page.getByText(/A battery of 10\.0.kWh · 5\.00.kW is in this home from 11:00/).waitFor()
      await until(async () => /It is put in at 11:00, with the next step\.$/.test(await said.innerText()), 'it is not told when')
      must(await button.isDisabled(), 'it can be put in twice')
      await server.step(1)
      await until(async () => /^A battery of 10\.0.kWh · 5\.00.kW is in this home/.test(await said.innerText()), 'the battery is not told')
      // It begins empty and charges from the surplus of the panels.
      let twin = await read()
      must(!twin.absent && twin.reading.power_w > 0, 'it is not there: ' + JSON.stringify(twin.reading))
      for (let i = 0; i < 8 && twin.reading.stored_j <= 0; i++) {
        await server.step(1)
        twin = await read()
      }
      must(twin.reading.stored_j > 0 && twin.reading.soc < 0.15, 'it does not charge from empty: ' + JSON.stringify(twin.reading))
      await v.page.locator('main table a[data-kind="battery"]').first().waitFor()
      await until(async () => (await said.innerText()).includes('It holds'), 'what it holds is not told')
      await v.page.getByRole('heading', { name: 'State of charge' }).waitFor()
      must((await listed()) === before + 1, `${before} batteries were listed, now ${await listed()}`)
      await v.axe('a home with a battery put in')
      await panel.scrollIntoViewIfNeeded()
      await v.shot('battery-1')
      await order(v.page, v.page.getByRole('button', { name: 'Take it out' }))
      await server.step(1)
      await until(
        async () => /^The battery of .* is out of this home\. The .*Wh that it held are still in it\.$/.test(await said.innerText()),
        'it is not told that it is out',
      )
      const out = await read()
      must(
        out.reading.power_w === 0 && out.reading.stored_j === twin.reading.stored_j,
        'taken out it does not rest: ' + JSON.stringify(out.reading),
      )
      await v.axe('a home with its battery taken out')
      await panel.scrollIntoViewIfNeeded()
      await v.shot('battery-2')
      if (use.look !== 'light') return
      await v.page.getByRole('button', { name: 'Put it back in' }).waitFor()
      await panel.getByRole('button', { name: 'Try in a second future' }).click()
      await v.page.getByRole('heading', { name: /side by side/ }).waitFor()
      const { runs } = await server.get('/runs')
      must(
        runs.some((r) => r.set?.[0] === `batteries.${best.battery.split('/').pop()}.available=true`),
        'the second future has no battery: ' + JSON.stringify(runs),
      )
    },
  },

  'a battery out of service and back': {
    looks: ['light'],
    async play(use) {
      const { server } = use
      const battery = await homeWithBattery(server)
      const v = await view(use, '/home/' + battery.owner)
      await server.step(2)
      await order(v.page, v.page.getByRole('button', { name: 'Take out of service' }).first())
      await server.step(1)
      await until(async () => (await text(v.page, '[data-testid="battery-state"]')) === 'out of service', 'it is not told')
      await order(v.page, v.page.getByRole('button', { name: 'Put in service' }).first())
      await server.step(1)
      await until(async () => (await text(v.page, '[data-testid="battery-state"]')) === 'in service', 'it is not back')
    },
  },

  'a plant stopped and started': {
    looks: ['light', 'phone'],
    flags: ['--set', 'step_s=60'],
    async play(use) {
      const { server } = use
      const { twins } = await server.get('/twins?q=biogas')
      must(twins.length === 1, 'the town has no biogas plant')
      const path = twins[0].path
      const v = await view(use, '/twin/' + path)
      await server.step(2)
      const state = v.page.locator('[data-testid="plant-state"]')
      const press = (name) =>
        v.page
          .getByRole('group', { name: /Order to/ })
          .getByRole('button', { name: new RegExp('^' + name) })
          .click()
      const means = v.page.locator('[data-testid="plant-means"]')
      const told = async () => (await means.innerText()).replace(/\s/g, ' ')
      await until(
        async () => (await told()) === 'After a stop a start takes 5 min.' || (await told()),
        'what a stop means is not told before it',
      )
      await press('Stop')
      await v.page.getByText('biogas is ordered to stop from 00:02').waitFor()
      await server.step(1)
      await until(async () => /^stands still, ordered to stop/.test(await state.innerText()), 'it does not stop')
      must((await server.get('/twin?path=' + path)).reading.power_w === 0, 'a stopped plant generates')
      await until(
        async () => /: a start takes 5 min; ordered now, it feeds in from 00:08\.$/.test(await told()) || (await told()),
        'how long a start takes is not told before it',
      )
      await v.axe('a plant that stands still')
      await press('Start')
      await v.page.getByText('biogas is ordered to run').waitFor()
      await server.step(1)
      // Its engine takes five minutes.
      const { events } = await server.get('/events?limit=20&path=' + path)
      const begun = events.find((e) => e.type === 'producer.starting')
      must(begun && begun.fields.ready_tick === begun.tick + 5, 'no start of five minutes: ' + JSON.stringify(events))
      const ready = '00:0' + begun.fields.ready_tick
      must(ready === '00:08', 'told was 00:08 before the order, it is ' + ready)
      await until(async () => (await state.innerText()) === `starts, ready at ${ready}, ordered to run`, 'the delay is not told')
      await v.axe('a plant that starts')
      await v.shot('plant')
      await server.step(6)
      await until(async () => /^feeds in .* of its rating, ordered to run/.test(await state.innerText()), 'it does not run')
      await v.page.getByLabel('Fix output for the hour, kW').fill('50')
      await order(v.page, v.page.getByRole('button', { name: /^Fix/ }))
      await server.step(3)
      await until(async () => /fixed at 50\.0.kW until 01:\d\d/.test(await state.innerText()), 'the output is not fixed')
      await v.page.getByRole('button', { name: /^Trip …/ }).click()
      must(
        (await server.get('/twin?path=' + path)).settings.find((s) => s.name === 'available').value === 1,
        'it tripped without being asked for',
      )
      await v.axe('before a trip')
      await v.page.getByRole('button', { name: 'Trip it' }).click()
      await v.page.getByText(/biogas trips at/).waitFor()
      await server.step(1)
      await until(async () => (await state.innerText()) === 'out of service', 'it did not trip')
    },
  },

  'scarcity at 18:30': {
    scenario: 'scarcity',
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await server.step(75)
      await until(async () => (await clock(v.page)) === '18:30', 'the page does not show 18:30')
      const state = await server.get('/state')
      const tile = v.page.locator('[data-testid="frequency"]')
      await until(
        async () =>
          new RegExp('Island').test(await tile.innerText()) &&
          (await tile.innerText()).includes(state.frequency_min_hz.toFixed(3)) &&
          (await tile.innerText()).includes(state.frequency_max_hz.toFixed(3)),
        'the frequency of the island is not told: ' + state.frequency_min_hz,
      )
      await until(
        async () => /Balanced[^]*nothing is cut; .*shifted by agreement/.test(await text(v.page, '[data-testid="balance"]')),
        'what is shifted is not told',
      )
      await until(
        async () => /more than 0\.2 Hz off/.test(await v.page.locator('main').innerText()),
        'the alert of the frequency is not in front',
      )
      await until(
        async () => /engine-a.*since 18:30/.test((await text(v.page, '[data-testid="news"]')).replace(/\s+/g, ' ')),
        'the plant that was lost is not told first',
      )
      await v.page.locator('main .u-over').first().waitFor()
      await until(async () => /its forecast/.test(await v.page.locator('main').innerText()), 'no forecast is drawn')
      await v.axe('scarcity')
      await v.shot('scarcity')
      await v.page.locator('main').evaluate((m) => m.scrollTo(0, 640))
      await v.shot('scarcity-2')
      await v.page.goto(server.origin + '/community/grid/community-01')
      await v.page
        .getByText(/shifted to later.*because of too little production/)
        .first()
        .waitFor()
      await v.shot('scarcity-community')
    },
  },

  'load that is not served': {
    scenario: 'scarcity',
    flags: ['--set', 'controls=none'],
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      const plain = async (of) => (await of.innerText()).replace(/\s+/g, ' ')
      const tile = v.page.locator('[data-testid="balance"]')
      const table = v.page.locator('.list table')
      await server.step(70)
      await until(
        async () => /✓ Balanced/.test(await plain(tile)),
        'all load is served before the engine trips, and the page does not say so',
      )
      must(!/Not served/.test(await plain(table)), 'the table has a column for what is not served, and all is served')
      await server.step(14)
      await until(async () => (await clock(v.page)) === '20:45', 'the page does not show 20:45')
      // The headline has the API's figure.
      const { series, step_s } = await server.get('/flows?scope=grid&column=unserved_w')
      const cut = series[0].v
      const kw = Math.round(cut.at(-1) / 1000)
      must(kw >= 100, 'too little is cut at the peak for three digits: ' + kw)
      await until(
        async () => (await plain(tile.locator('p').first())) === `▲ ${kw} kW not served` || (await plain(tile)),
        `${kw} kW are not served, and the headline does not say so`,
      )
      must(!/Balanced/.test(await plain(tile)), 'it says balanced while load is not served: ' + (await plain(tile)))
      const colourOf = (of) => of.evaluate((e) => getComputedStyle(e).color)
      const red = await colourOf(tile.locator('p').first())
      must(red !== (await colourOf(tile)), 'the headline has the colour of other text')
      // The table has the most affected community first, in the same colour.
      const { communities } = await server.get('/tree')
      const of = await Promise.all(
        communities.map(async (c) => [(await server.get('/twin?path=' + encodeURIComponent(c.path))).reading.unserved_w, c.id]),
      )
      const [w, id] = of.sort((a, b) => b[0] - a[0])[0]
      const first = table.locator('tbody tr').first()
      await v.page.mouse.move(2, 2)
      await until(
        async () => new RegExp(`^${id} ▲ ${(w / 1000).toFixed(1)} kW`).test(await plain(first)) || (await plain(first)),
        `${id} lacks ${w} W and is not first`,
      )
      must((await colourOf(first.locator('td').first())) === red, 'the table has another colour for it')
      const wh = cut.reduce((s, x) => s + (x * step_s) / 3600, 0)
      await until(
        async () => (await plain(v.page.locator('main'))).includes(`▲ Not served ${Math.round(wh / 1000)} kWh`),
        `${wh} Wh were not served, and the list of energies does not say so`,
      )
      // The room is said with its time, and what of it is no reserve.
      const room = await plain(v.page.locator('[data-testid="room"]'))
      must(
        /room upwards: .* within 15 min, for 60 min; .* of it with the loss of any single plant or tie still covered/.test(room),
        'how long the room lasts is not said: ' + room,
      )
      await v.axe('load that is not served')
      await v.shot('not-served')
      await v.page.goto(server.origin + '/community/grid/' + id)
      await v.page
        .locator('[data-testid="lacking"]')
        .getByText(/not served/)
        .waitFor()
      await v.axe('a community that is not served')
      await v.shot('not-served-community')
    },
  },

  'a step in the address, and what was so then': {
    async play(use) {
      const { server } = use
      await server.step(20)
      await server.api('POST', '/commands', { target: 'grid/supply/tie', setting: 'available', value: 0 })
      await server.step(10)
      const tie = async (page) => text(page, '[data-plant="tie"] [data-testid="plant-state"]')
      const v = await view(use, '/grid?step=10')
      await until(async () => (await clock(v.page)) === '02:30', 'the address does not show step 10')
      const scrubber = v.page.getByRole('slider', { name: 'Moment looked at' })
      await until(async () => (await scrubber.inputValue()) === '10' || (await scrubber.inputValue()), 'the scrubber is not at step 10')
      // The tie tripped at step 20: before it is in service, without an alert.
      await until(async () => !/out of service/.test(await tie(v.page)) || (await tie(v.page)), 'the tie is out of service before it trips')
      must((await v.page.locator('[data-testid="news"]').count()) === 0, 'something is wrong at step 10')
      const open = async () => v.page.locator('a.bell').getAttribute('aria-label')
      const { alerts: then } = await server.get('/alerts?tick=10')
      const counted = `Alerts: ${then.filter((a) => !a.acknowledged).length} not acknowledged`
      await until(async () => (await open()) === counted || (await open()), counted)
      await scrubber.fill('25')
      await until(async () => (await tie(v.page)) === 'out of service', 'the tie is in service after it has tripped')
      await until(async () => /tie: out of service/.test(await text(v.page, '[data-testid="news"]')), 'the tie is not in the news')
      const alerts = await view(use, '/alerts?step=10')
      await until(async () => (await clock(alerts.page)) === '02:30', 'the alerts are not of step 10')
      await until(async () => /No alerts|over|still so/.test(await alerts.page.locator('main').innerText()), 'no list of alerts')
      must(!/plant or tie is out of service/.test(await alerts.page.locator('main').innerText()), 'an alert of later is listed')
    },
  },

  'a rating tried in a second future': {
    looks: ['light'],
    async play(use) {
      const { server } = use
      const { twins } = await server.get('/twins?kind=household&limit=300')
      let home
      for (const t of twins) {
        const twin = await server.get('/twin?path=' + encodeURIComponent(t.path))
        const value = (name) => twin.settings.find((s) => s.name === name)?.value ?? null
        if (value('pv.scale') > 0 && value('pv.rated_w') !== null) {
          home = twin
          break
        }
      }
      must(home, 'no home has panels of a rating')
      const v = await view(use, '/home/' + home.path)
      await server.step(40)
      await v.page.getByLabel('Power, kW').fill('8')
      const forked = v.page.waitForResponse((r) => r.request().method() === 'POST' && r.url().includes('/api/v1/forks'))
      await v.page
        .locator('section', { has: v.page.getByTestId('roof') })
        .getByRole('button', { name: 'Try in a second future' })
        .click()
      const { set } = (await forked).request().postDataJSON()
      must(
        set.some((x) => x.endsWith('.pv.rated_w=8000')),
        'the number that was typed in is lost: ' + set.join(', '),
      )
      // The run is at the fork: both futures are made to the end, and compared.
      await v.page.getByRole('heading', { name: /unchanged and .* with 8\.00.kW of panels, side by side/ }).waitFor()
      await until(
        async () => /They differ from .* the end of step 671\./.test(await v.page.locator('[data-testid="difference"]').innerText()),
        'no difference is told',
      )
    },
  },

  'after the end nothing is ordered': {
    scenario: 'hamlet',
    looks: ['light'],
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await until(async () => (await text(v.page, '[data-testid="market"]')) === 'No market in this scenario', 'a price without a market')
      const start = v.page.getByRole('button', { name: 'Start engine' })
      must(await start.isEnabled(), 'a plant cannot be started before the end')
      await server.step(24)
      await until(async () => (await chip(v.page)) === 'ENDED', 'the run has not ended')
      for (const b of await v.page.locator('[data-plant] .group button, [data-plant] .danger').all())
        must(await b.isDisabled(), 'after the end there is still ' + (await b.innerText()))
      must(/^The run is over/.test(await text(v.page, '[data-testid="ordering"]')), 'it is not said why')
      // The state of a home's devices is that of the end of the step, which is said.
      const home = await view(use, '/home/grid/south/home-5?step=18')
      await until(async () => (await clock(home.page)) === '18:00', 'the home is not shown at 18:00')
      await until(
        async () => (await text(home.page, '[data-testid="state-at"]')).trim() === 'at 19:00',
        'it is not said when the devices were in that state',
      )
    },
  },

  'a hundred plants': {
    scenario: manyPlants,
    looks: ['light'],
    async play(use) {
      const { server } = use
      const v = await view(use, '/grid')
      await server.step(2)
      await until(async () => (await v.page.locator('[data-plant]').count()) === 30, 'the first 30 are not shown')
      // The room upwards is that of all plants, not of the first 30; none of them runs.
      const units = await server.get('/units?limit=1000')
      must(units.total === 131, units.total + ' plants and ties')
      const room = units.units.reduce((sum, u) => sum + (u.gauges.find((g) => g.name === 'after_start_w')?.value ?? 0), 0)
      must(room > 0 && room === units.room.starts_w, `${room} W after a start, the answer says ${units.room.starts_w}`)
      const told = async () => (await text(v.page, '[data-testid="frequency"]')).replace(/\s/g, ' ')
      await until(
        async () => (await told()).includes(`after a start ${(room / 1000).toPrecision(3)} kW more`) || (await told()),
        'room upwards of ' + room,
      )
      await v.page.getByRole('button', { name: 'All 131' }).click()
      await until(async () => (await v.page.locator('[data-plant]').count()) === 131, 'not all plants are shown')
      await v.page.goto(server.origin + '/runs')
      await until(
        async () => (await v.page.getByLabel('A plant or tie is lost').locator('option').count()) === 132,
        'not all plants can be lost in a fork',
      )
    },
  },

  'the map by WebGL2': {
    looks: ['light'],
    async play(use) {
      const { server } = use
      await server.step(48)
      const b = await browserWithGL()
      try {
        const shot = async (script) => {
          const v = await open(b, use.look, server.origin, '/grid', script)
          use.views.push(v)
          await until(async () => (await clock(v.page)) === '11:45', 'the page does not show 11:45')
          const map = v.page.getByRole('application', { name: /^Map/ })
          await map.focus()
          for (let i = 0; i < 8 && !/twins of/.test(await text(v.page, '.lod')); i++) await v.page.keyboard.press('+')
          await until(async () => /twins of/.test(await text(v.page, '.lod')), 'no homes')
          // Tiles are received one after the other; the picture does not change once all are there.
          let before = '',
            same = 0
          await until(async () => {
            const now = (await v.page.locator('[data-painter] canvas').first().screenshot()).toString('base64')
            same = now === before ? same + 1 : 0
            before = now
            return same === 3
          }, 'the map does not come to rest')
          return { v, name: await v.page.locator('[data-painter]').getAttribute('data-painter'), png: before }
        }
        const gl = await shot(forceGL),
          flat = await shot(null)
        must(gl.name === 'webgl2' && flat.name === 'canvas2d', `painters ${gl.name} and ${flat.name}`)
        await gl.v.shot('map-webgl2')
        await flat.v.shot('map-canvas2d')
        // Edges are smoothed differently; positions and colours are the same.
        const blank = await b.newPage() // the viewer's own pages may not load foreign images
        const apart = await blank.evaluate(
          async ([a, c]) => {
            const read = async (png) => {
              const image = new Image()
              image.src = 'data:image/png;base64,' + png
              await image.decode()
              const k = document.createElement('canvas')
              k.width = image.width
              k.height = image.height
              const x = k.getContext('2d')
              x.drawImage(image, 0, 0)
              return x.getImageData(0, 0, image.width, image.height).data
            }
            const [p, q] = [await read(a), await read(c)]
            let far = 0,
              painted = 0
            for (let i = 0; i < p.length; i += 4) {
              if (Math.abs(p[i] - p[0]) + Math.abs(p[i + 1] - p[1]) + Math.abs(p[i + 2] - p[2]) > 30) painted++
              if (Math.abs(p[i] - q[i]) + Math.abs(p[i + 1] - q[i + 1]) + Math.abs(p[i + 2] - q[i + 2]) > 90) far++
            }
            return { far, painted, all: p.length / 4, size: p.length === q.length }
          },
          [gl.png, flat.png],
        )
        must(apart.size && apart.painted > apart.all / 50, 'WebGL2 draws next to nothing: ' + JSON.stringify(apart))
        must(apart.far < apart.painted / 10, 'the two painters draw different things: ' + JSON.stringify(apart))
      } finally {
        await b.close()
      }
    },
  },
}
