import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Finding } from '../../src/doctor/findings.ts'
import { temporaryFolder } from '../support/databases.ts'
import {
  FEEDS,
  HOSTNAME,
  PUBLISHER_DID,
  examine,
  json,
  network,
  openNetwork,
  readDiagnosis,
  runDoctor,
  service,
  silent,
} from '../support/doctorBench.ts'
import { createPost } from '../support/events.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { runApp, runScript } from '../support/runApp.ts'
import type { RunningApp } from '../support/runApp.ts'

/** The service itself, with more posts of `art` than the app shows at a time. */
async function startService(env: Record<string, string>) {
  await using stack = new AsyncDisposableStack()
  const jetstream = stack.use(await openJetstreamServer())
  const lastUs = (Date.now() - 2_000) * 1000
  jetstream.appendAll(
    Array.from({ length: 80 }, (_, index) =>
      createPost({
        timeUs: lastUs - (79 - index) * 1000,
        tags: [index % 8 === 0 ? 'cats' : 'art'],
      }),
    ),
  )
  const app = stack.use(
    await runApp({ feeds: FEEDS, env: { FEEDGEN_JETSTREAM_URLS: jetstream.url, ...env } }),
  )
  await app.untilCommitted(lastUs)
  // A stream never stops: one that does counts as behind after a minute.
  const beat = setInterval(() => {
    jetstream.append(createPost({ timeUs: Date.now() * 1000, tags: ['none of ours'] }))
  }, 500)
  stack.defer(() => clearInterval(beat))
  const resources = stack.move()
  return { app, stop: () => resources.disposeAsync() }
}

const verdicts = (findings: readonly Finding[]): string[] =>
  findings.map(({ check, verdict, feed }) => [check, feed, verdict].filter(Boolean).join(' '))

/** A busy machine takes its time. */
const TIMEOUT_MS = 120_000

describe('the doctor and the service', { timeout: TIMEOUT_MS }, () => {
  let running: { app: RunningApp; stop: () => Promise<void> }
  beforeAll(async () => {
    running = await startService({
      FEEDGEN_HOSTNAME: HOSTNAME,
      FEEDGEN_PUBLISHER_DID: PUBLISHER_DID,
    })
  })
  afterAll(() => running.stop())

  test('find each other in good health, before the host name leads to it', async () => {
    const { code, findings } = await examine({ url: running.app.url })
    expect(verdicts(findings)).toEqual([
      'configuration ok',
      'configuration warning',
      'dns skipped',
      'tls skipped',
      'service ok',
      'did ok',
      'describe ok',
      'record art ok',
      'record cats ok',
      'skeleton art ok',
      'skeleton cats ok',
      'skeleton ok',
      'answers ok',
      'appview art ok',
      'appview cats ok',
      'clock ok',
      'ingest ok',
    ])
    expect(code).toBe(0)
  })

  test('agree on one feed alone', async () => {
    const { findings } = await examine({ url: running.app.url, only: 'cats' })
    expect(findings.flatMap(({ feed }) => feed ?? [])).toEqual(['cats', 'cats', 'cats'])
  })

  test('say what readers are shown, in lines for people', async () => {
    const { code, stdout, stderr } = await runDoctor(
      {
        url: running.app.url,
        network: { '/xrpc/com.atproto.repo.listRecords': json({ records: [] }) },
        env: { FEEDGEN_PUBLISHER_PASSWORD: 'swordfish' },
      },
      [],
    )
    expect(stderr).toBe('')
    expect(stdout).toMatch(/^ok {7}did +did:web:feeds.tagfeed.dev has the service #bsky_fg/m)
    expect(stdout).toMatch(/^FAILURE {2}record +art, cats: it is not published: did:plc:publisher/m)
    expect(stdout).toMatch(/^ +to do: npm run publishFeed -- --only art --only cats$/m)
    expect(stdout).toMatch(/^ +readers see: "Hmm, we're having trouble finding this feed/m)
    expect(stdout).toMatch(/^skipped {2}appview +art, cats: it is not published$/m)
    expect(stdout).toMatch(/\n2 failures, \d warnings?, \d+ ok, 4 skipped\n$/)
    expect(stdout).not.toContain('swordfish')
    expect(code).toBe(1)
  })

  test('do not mix up who publishes', async () => {
    const { code, findings, troubles } = await examine({
      url: running.app.url,
      env: { FEEDGEN_PUBLISHER_DID: '' },
    })
    expect(troubles).toContain('configuration failure')
    expect(troubles).toContain('record skipped')
    expect(troubles).toContain('describe/art failure')
    const described = findings.find(({ check, feed }) => check === 'describe' && feed === 'art')
    expect(described?.message).toMatch(/it is served as 'at:\/\/did:plc:publisher/)
    expect(code).toBe(1)
  })
})

test(
  'a service in local mode is checked on loopback, and nobody else can reach it',
  { timeout: TIMEOUT_MS },
  async () => {
    const { app, stop } = await startService({})
    using folder = temporaryFolder()
    const env = { FEEDGEN_PORT: new URL(app.url).port }
    const byPort = await runScript('scripts/doctor.ts', ['--json'], {
      folder: folder.path,
      feeds: FEEDS,
      env,
    })
    const byUrl = await runScript('scripts/doctor.ts', ['--json', '--url', app.url], {
      folder: folder.path,
      feeds: FEEDS,
    })
    await stop()
    for (const run of [byPort, byUrl]) {
      const { code, findings } = readDiagnosis(run)
      expect(verdicts(findings)).toEqual([
        'configuration ok',
        'configuration warning',
        'dns skipped',
        'tls skipped',
        'service ok',
        'did ok',
        'describe ok',
        'record skipped',
        'skeleton art ok',
        'skeleton cats ok',
        'skeleton ok',
        'answers ok',
        'appview skipped',
        'clock ok',
        'ingest ok',
      ])
      expect(findings[1]?.message).toMatch(/local mode .*nobody else can reach this service/)
      expect(code).toBe(0)
    }
  },
)

describe.concurrent('wrong usage and configuration', { timeout: TIMEOUT_MS }, () => {
  test.for([
    [['--verbose'], {}, /--verbose is no option of this command[^]*usage: npm run doctor/],
    [[], { FEEDGEN_HOSTNAME: '10.0.0.1' }, /FEEDGEN_HOSTNAME is '10.0.0.1'.*not an IP address/],
  ] as const)('%s %o', async ([args, env, says], { expect }) => {
    using folder = temporaryFolder()
    const options = {
      folder: folder.path,
      feeds: FEEDS,
      env,
    }
    const run = await runScript('scripts/doctor.ts', args, options)
    expect(run.stderr).toMatch(says)
    expect(run.stderr).not.toMatch(/^\s+at /m)
    expect(run.stdout).toBe('')
    expect(run.code).toBe(2)
  })
})

test('what a server sends cannot move the cursor of the terminal', async () => {
  const { stdout } = await runDoctor(
    { service: { '/.well-known/did.json': json({ id: '\u001b[2J\u009b31mdid:web:evil\n\rok' }) } },
    [],
  )
  expect(stdout).toMatch(/document of '\[2J 31mdid:web:evil ok'/)
  expect(stdout.replaceAll('\n', '')).not.toMatch(/\p{C}/u)
})

test('the doctor stops when it is told to, without waiting for an answer', async () => {
  using folder = temporaryFolder()
  const stop = new AbortController()
  await using around = await openNetwork({ ...network, ...service, '/ready': silent })
  const run = await runScript('scripts/doctor.ts', ['--url', around.url, '--appview', around.url], {
    folder: folder.path,
    feeds: FEEDS,
    env: {
      FEEDGEN_HOSTNAME: HOSTNAME,
      FEEDGEN_PUBLISHER_DID: PUBLISHER_DID,
      FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
      FEEDGEN_PLC_URL: around.url,
    },
    terminated: stop.signal,
    onOutput: (text) => {
      if (text.includes('clock')) {
        stop.abort()
      }
    },
  })
  expect(run.stdout).toMatch(/WARNING +ingest +the service does not answer \/ready/)
  expect(run.code).toBe(1)
})
