import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { createPost } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'
import { until } from '../support/until.ts'

/** Where Debian's package puts it; the test is skipped where there is none. */
const CHROMIUM = '/usr/bin/chromium'

const FEEDS = `feeds:
  - { rkey: art, name: "<img onerror=alert(1)>", description: "Art & more", tags: [art] }
  - { rkey: cats, name: Cats, tags: [cats] }
`

describe.skipIf(!existsSync(CHROMIUM))('the page for people', () => {
  test('shows the feeds and the state of the service in a browser', async () => {
    await using jetstream = await openJetstreamServer()
    const timeUs = (Date.now() - 5_000) * 1000
    jetstream.append(createPost({ timeUs, tags: ['art'] }))
    await using app = await runApp({ feeds: FEEDS, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url } })
    await app.untilCommitted(timeUs)

    await using stack = new AsyncDisposableStack()
    const browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    })
    stack.defer(() => browser.close())
    const page = await browser.newPage()
    const problems: string[] = []
    page.on('console', (message) => problems.push(message.text()))
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('dialog', (dialog) => {
      problems.push(`dialog: ${dialog.message()}`)
      void dialog.dismiss()
    })
    await page.goto(app.url)
    expect(await page.title()).toBe('tagfeed')
    const art = page.locator('#feed-art')
    expect((await art.locator('h2').textContent())?.trim()).toBe('<img onerror=alert(1)>')
    expect((await art.locator('svg title').textContent())?.trim()).toMatch(
      /^1 post in the last 24 h, 1 in/,
    )
    expect(await art.getByRole('link', { name: 'In Bluesky' }).getAttribute('href')).toBe(
      `https://bsky.app/profile/${app.feedUri('art').split('/')[2]}/feed/art`,
    )
    // A page counts as many feeds as fit into its time, the others a moment later.
    await until(async () => {
      await page.reload()
      return (await page.locator('#feed-cats').textContent())?.includes('No posts yet')
    })
    expect(await page.locator('.state').textContent()).toMatch(/^live/)
    expect(await page.content()).not.toContain('127.0.0.1:')
    expect(problems).toEqual([])
  })
})
