import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { describe, expect, test } from 'vitest'
import { createPost } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp } from '../support/runApp.ts'

/** Where Debian's package puts it; the test is skipped where there is none. */
const CHROMIUM = '/usr/bin/chromium'

const FEEDS = `feeds:
  - { rkey: art, name: "<img onerror=alert(1)>", description: "Art & more", tags: [art] }
  - { rkey: cats, name: Cats, tags: [cats] }
`

describe.skipIf(!existsSync(CHROMIUM))('the page for people', () => {
  test('shows the feeds, a preview of each and the state of ingest in a browser', async () => {
    await using jetstream = await openJetstreamServer()
    const timeUs = (Date.now() - 60_000) * 1000
    const post = createPost({ timeUs, tags: ['art'] })
    jetstream.append(post)
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
    expect(await art.locator('h2').textContent()).toBe('<img onerror=alert(1)>')
    const link = art.locator('ol a')
    expect(await link.getAttribute('href')).toBe(
      `https://bsky.app/profile/${post.did}/post/${post.commit.rkey}`,
    )
    expect(await page.locator('#feed-cats').textContent()).toContain('No posts yet')
    const ingest = await page.locator('table').first().textContent()
    expect(ingest).toMatch(/Stream\s*connected/)
    expect(ingest).not.toContain('127.0.0.1')
    // The icon that browsers ask for by themselves is not there, and says so in JSON.
    expect(problems.filter((text) => !text.includes('404'))).toEqual([])

    await art.getByRole('link', { name: 'skeleton' }).click()
    const answer = JSON.parse((await page.locator('body').textContent()) ?? '') as object
    expect(answer).toMatchObject({ feed: [{ post: expect.stringContaining(post.did) }] })
  })
})
