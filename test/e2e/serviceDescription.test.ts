import { app as lexicon } from '@bsky/sdk/lexicons'
import { describe, expect, test } from 'vitest'
import { did } from '../support/events.ts'
import { DESCRIBE, errorFaults, feeds, send } from '../support/httpBench.ts'
import { runApp } from '../support/runApp.ts'

const HOSTNAME = 'feed.example.net'
/** All that answers for feeds, and nothing that reads the stream. */
const SERVING = { FEEDGEN_ROLES: 'serve' }

describe('describeFeedGenerator', () => {
  const answers = lexicon.bsky.feed.describeFeedGenerator.main.output.schema
  const uris = ['art', 'spoilt'].map((rkey) => `app.bsky.feed.generator/${rkey}`)

  test('names the service and every feed, without links when none are configured', async () => {
    await using app = await runApp({ feeds, env: { ...SERVING } })
    const body: unknown = await (await app.get(DESCRIBE)).json()
    expect(answers.safeParse(body)).toMatchObject({ success: true })
    const local = `did:web:localhost%3A${new URL(app.url).port}`
    expect(body).toEqual({
      did: local,
      feeds: uris.map((uri) => ({ uri: `at://${local}/${uri}` })),
    })
  })

  test('has the links, the host name and the publisher that are configured', async () => {
    const [privacyPolicy, termsOfService] = ['https://example.net/p?a=1', 'https://example.net/t']
    const env = {
      ...SERVING,
      FEEDGEN_HOSTNAME: HOSTNAME,
      FEEDGEN_PUBLISHER_DID: did(900),
      FEEDGEN_PRIVACY_POLICY_URL: privacyPolicy,
      FEEDGEN_TERMS_OF_SERVICE_URL: termsOfService,
    }
    await using app = await runApp({ feeds, env })
    const body: unknown = await (await app.get(DESCRIBE)).json()
    expect(answers.safeParse(body)).toMatchObject({ success: true })
    expect(body).toEqual({
      did: `did:web:${HOSTNAME}`,
      feeds: uris.map((uri) => ({ uri: `at://${did(900)}/${uri}` })),
      links: { privacyPolicy, termsOfService },
    })
  })

  test('leaves out the link that is not configured, and a did:plc needs no host name', async () => {
    const env = {
      ...SERVING,
      FEEDGEN_SERVICE_DID: did(901),
      FEEDGEN_TERMS_OF_SERVICE_URL: 'https://example.net/t',
    }
    await using app = await runApp({ feeds, env })
    expect(await (await app.get(DESCRIBE)).json()).toEqual({
      did: did(901),
      feeds: uris.map((uri) => ({ uri: `at://${did(901)}/${uri}` })),
      links: { termsOfService: 'https://example.net/t' },
    })
  })
})

describe('did.json', () => {
  const path = '/.well-known/did.json'

  test('is the document of the host name', async () => {
    const env = { ...SERVING, FEEDGEN_HOSTNAME: 'Feed.Example.NET' }
    await using app = await runApp({ feeds, env })
    // Nobody could publish its feeds.
    expect(app.logs.map(({ event }) => event)).toContain('publisherNotSet')
    const response = await app.get(path)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^application\/(did\+)?(ld\+)?json/)
    expect(await response.json()).toEqual({
      '@context': expect.arrayContaining(['https://www.w3.org/ns/did/v1']) as unknown,
      id: `did:web:${HOSTNAME}`,
      service: [
        {
          id: '#bsky_fg',
          type: 'BskyFeedGenerator',
          serviceEndpoint: `https://${HOSTNAME}`,
        },
      ],
    })
  })

  test('is the document of this port in local mode', async () => {
    await using app = await runApp({ feeds, env: { ...SERVING } })
    const { port } = new URL(app.url)
    expect(await (await app.get(path)).json()).toMatchObject({
      id: `did:web:localhost%3A${port}`,
      service: [{ id: '#bsky_fg', serviceEndpoint: `http://localhost:${port}` }],
    })
  })

  test('is not there for a did:plc, with a host name or without', async () => {
    for (const hostname of ['', HOSTNAME]) {
      const identity = { FEEDGEN_SERVICE_DID: did(901), FEEDGEN_HOSTNAME: hostname }
      const env = { ...SERVING, ...identity }
      await using app = await runApp({ feeds, env })
      expect(errorFaults(await send(app, path), 404)).toEqual([])
    }
  })
})
