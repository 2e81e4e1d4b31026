/** Every page in a real browser: nothing breaks, nothing is asked of others, everybody can use it. */
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium } from 'playwright-core'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { openAppViewServer } from '../support/appViewServer.ts'
import { createPost, did } from '../support/events.ts'
import { drawPicture, inventView } from '../support/inventedPosts.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

/** Where Debian's package puts it; the tests are skipped where there is none. */
const CHROMIUM = '/usr/bin/chromium'
const AXE = createRequire(import.meta.url).resolve('axe-core/axe.min.js')

const LONG = `${'W'.repeat(23)}!`
const FEEDS = `feeds:
  - { rkey: art, name: "<img onerror=alert(1)>", description: "Art & more", tags: [art], languages: [en, und] }
  - { rkey: cats, name: Cats, tags: { any: [cats], none: [aiart, dogs, birds] } }
  - { rkey: top, name: "${LONG}", tags: [art], order: trending, trending: { refreshSeconds: 1 } }
  - { rkey: mine, name: Mine, tags: [art], order: following }
`
const DRAFT = encodeURIComponent('rkey: x\nname: X\ntags: [art]')
const WRONG = encodeURIComponent('rkey: x\nnme: X\ntags: []')
const PATHS = [
  ...['/', '/feeds/art', '/feeds/cats', '/feeds/top', '/feeds/mine', '/feeds/nope', '/status'],
  ...['/tags', '/tags/art', '/tags/nothing', '/explain', '/explain?post=rubbish', '/try'],
  ...[`/try?yaml=${DRAFT}`, `/try?yaml=${WRONG}`],
]
const SIZES = [
  { width: 360, height: 700, colorScheme: 'light' },
  { width: 1280, height: 900, colorScheme: 'dark' },
] as const

interface Violation {
  readonly id: string
  readonly nodes: readonly { readonly html: string }[]
}

describe.skipIf(!existsSync(CHROMIUM))('the pages in a browser', () => {
  const stack = new AsyncDisposableStack()
  let browser: Browser
  let app: RunningApp
  let pictures: string

  beforeAll(async () => {
    const jetstream = stack.use(await openJetstreamServer())
    const appView = stack.use(
      await openAppViewServer((uri, baseUrl) => {
        const images = [{ alt: 'x' }, { alt: '' }]
        const embed = { $type: 'app.bsky.embed.images', images }
        const record = { createdAt: new Date().toISOString(), embed }
        return inventView(uri, { record, counts: { likeCount: 3 } }, baseUrl)
      }, drawPicture),
    )
    pictures = appView.url
    const timeUs = (Date.now() - 4_000) * 1000
    const posts = Array.from({ length: 30 }, (_, index) =>
      createPost({ timeUs: timeUs + index, did: did(index), tags: ['art', 'paint'] }),
    )
    jetstream.append(...posts)
    const env = {
      FEEDGEN_JETSTREAM_URLS: jetstream.url,
      FEEDGEN_APPVIEW_URL: appView.url,
      FEEDGEN_PLC_URL: appView.url,
      FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
    }
    app = stack.use(await runApp({ feeds: FEEDS, env }))
    await app.untilCommitted(timeUs + 29)
    await until(async () => (await app.get('/ready')).ok)
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking']
    browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [...args, '--disable-component-update', '--disable-sync'],
    })
    stack.defer(() => browser.close())
  })
  afterAll(() => stack.disposeAsync())

  /** A page that writes down what it should not do. */
  async function openPage(options: Parameters<Browser['newPage']>[0]) {
    const page = await browser.newPage(options)
    const problems: string[] = []
    page.on('console', (message) => problems.push(message.text()))
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    page.on('request', (request) => {
      const { origin } = new URL(request.url())
      if (origin !== app.url && origin !== pictures) {
        problems.push(`asks ${request.url()}`)
      }
    })
    return { page, problems, [Symbol.asyncDispose]: () => page.close() }
  }

  async function findViolations(page: Page): Promise<string[]> {
    await page.evaluate(readFileSync(AXE, 'utf8'))
    const { violations } = await page.evaluate<{ violations: Violation[] }>('axe.run()')
    return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`)
  }

  test.each(SIZES)(
    'have no fault at $width px, $colorScheme',
    async ({ width, height, colorScheme }) => {
      await using opened = await openPage({ viewport: { width, height }, colorScheme })
      const { page, problems } = opened
      for (const path of PATHS) {
        const response = await page.goto(app.url + path, { waitUntil: 'networkidle' })
        const isWide = await page.evaluate<boolean>(
          'document.documentElement.scrollWidth > document.documentElement.clientWidth',
        )
        expect([path, response?.status(), isWide]).toEqual([
          path,
          path === '/feeds/nope' ? 404 : 200,
          false,
        ])
        expect([path, await findViolations(page)]).toEqual([path, []])
      }
      // Chromium tells of the answer 404 itself.
      expect(problems.filter((text) => !text.includes('404'))).toEqual([])
    },
    120_000,
  )

  test('work without scripts and with the keyboard alone', async () => {
    await using opened = await openPage({ javaScriptEnabled: false })
    const { page, problems } = opened
    await page.goto(`${app.url}/`)
    await page.keyboard.press('Tab')
    await page.keyboard.press('Enter')
    expect(page.url()).toBe(`${app.url}/#main`)
    await page.goto(`${app.url}/feeds/art`)
    await page.getByRole('link', { name: 'Next page' }).press('Enter')
    expect(await page.locator('article.post').count()).toBe(5)
    await page.getByRole('link', { name: 'Back to the top' }).press('Enter')
    await page.getByRole('link', { name: 'Try', exact: true }).press('Enter')
    await page.getByLabel('Definition').fill('rkey: x\nname: Mine\ntags: [paint]')
    await page.getByRole('button').press('Enter')
    expect(await page.getByRole('heading', { name: 'Mine' }).count()).toBe(1)
    expect(await page.textContent('main')).toMatch(/30 posts in the last 24 hours/)
    expect(problems).toEqual([])
  })

  test('show a feed whose name is markup as text, with a chart that can be read out', async () => {
    await using opened = await openPage({})
    const { page, problems } = opened
    await page.goto(app.url)
    expect(await page.title()).toBe('tagfeed')
    const art = page.locator('#feed-art')
    expect((await art.locator('h2').textContent())?.trim()).toBe('<img onerror=alert(1)>')
    expect(await art.locator('svg title').textContent()).toMatch(
      /^30 posts in the last 24 h, 30 in/,
    )
    expect(await page.locator('#feed-cats').textContent()).toContain('No posts yet')
    expect(problems).toEqual([])
  })
})
