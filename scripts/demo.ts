import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadEnvFile } from '../src/config/envFile.ts'
import { createLogger } from '../src/logger.ts'
import { createApp } from '../src/service/app.ts'
import { readSetup } from '../src/service/setup.ts'
import type { Setup } from '../src/service/setup.ts'
import { US_PER_HOUR, systemClock } from '../src/time.ts'
import { openAppViewServer } from '../test/support/appViewServer.ts'
import { KnownPosts, drawPicture, inventView } from '../test/support/inventedPosts.ts'
import { openJetstreamServer } from '../test/support/jetstreamServer.ts'
import { generateFrames } from '../test/support/streamGenerator.ts'
import { runCommand } from './command.ts'

/** Posts are seen to rise and sink while one looks. */
const REFRESH_SECONDS = 5
const EVENTS_PER_SECOND = 20
const BEAT_MS = 250
/** How much of the stream the simulated server remembers. */
const KEPT_FRAMES = 200_000

const COMMAND = {
  call: 'npm run demo --',
  about:
    'Runs the service on a Jetstream simulated on this machine, with invented authors and posts, in a database of its own ' +
    'that is thrown away: shows living feeds without any network. Ctrl-C ends it.',
  options: {},
}

/** The service as it is, on a Jetstream of this machine with invented authors and posts. */
await runCommand(COMMAND, async ({ problems, signal }) => {
  problems.attempt(
    () => void readDemoSetup('ws://127.0.0.1/subscribe', 'data', 'http://127.0.0.1'),
    undefined,
  )
  problems.throwIfAny()
  const folder = mkdtempSync(join(tmpdir(), 'tagfeed-demo-'))
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rmSync(folder, { recursive: true, force: true }))
  const jetstream = stack.use(await openJetstreamServer())
  const startUs = systemClock() - 2 * US_PER_HOUR
  const frames = generateFrames({
    seed: Date.now(),
    startUs,
    eventsPerSecond: EVENTS_PER_SECOND,
    taggedShare: 0.5,
  })
  const posts = new KnownPosts()
  let held = 0
  const sendUntil = (timeUs: number): void => {
    for (let sentUs = 0; sentUs < timeUs; held += 1) {
      const frame = frames.next().value
      jetstream.append(frame)
      posts.note(frame.data)
      sentUs = frame.timeUs
    }
    if (held > KEPT_FRAMES) {
      jetstream.forget(held - KEPT_FRAMES)
      held = KEPT_FRAMES
    }
  }
  const appView = stack.use(
    await openAppViewServer((uri, baseUrl) => {
      const post = posts.get(uri)
      return post && inventView(uri, post, baseUrl)
    }, drawPicture),
  )
  sendUntil(systemClock())
  const beat = setInterval(() => sendUntil(systemClock()), BEAT_MS)
  stack.defer(() => clearInterval(beat))

  const setup = readDemoSetup(jetstream.url, folder, appView.url)
  const pretty = process.stdout.isTTY
  const logger = createLogger({ level: setup.config.logLevel, pretty })
  const app = stack.use(await createApp(quickly(setup), { logger, pretty }))
  logger.info({ event: 'demo', url: app.url }, `open ${app.url} to see the feeds; Ctrl-C ends it`)
  await app.runUntil(signal)
})

function readDemoSetup(jetstreamUrl: string, folder: string, appViewUrl: string): Setup {
  return readSetup({
    ...loadEnvFile('.env', process.env),
    FEEDGEN_JETSTREAM_URLS: jetstreamUrl,
    FEEDGEN_DATABASE_URL: `sqlite:${join(folder, 'demo.db')}`,
    FEEDGEN_DATABASE_READ_URL: '',
    FEEDGEN_BACKFILL_HOURS: '2',
    // Nobody is asked but this machine: the accounts are invented.
    FEEDGEN_APPVIEW_URL: appViewUrl,
    FEEDGEN_PLC_URL: appViewUrl,
    FEEDGEN_ALLOW_LOCAL_NETWORK: 'true',
  })
}

/** The same feeds, ranked every few seconds. */
function quickly({ config, definitions }: Setup): Setup {
  return {
    config,
    definitions: definitions.map((definition) => ({
      ...definition,
      trending: definition.trending && { ...definition.trending, refreshSeconds: REFRESH_SECONDS },
    })),
  }
}
