import { setTimeout as delay } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { WriteDatabase } from '../../src/db/database.ts'
import { startIngest } from '../../src/ingest/startIngest.ts'
import { silentLogger } from '../../src/logger.ts'
import { systemClock } from '../../src/time.ts'
import { engines } from '../support/databases.ts'
import { openJetstreamServer } from '../support/jetstreamServer.ts'
import { generateFrames, take } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'

const FRAMES = 60_000

describe.each(engines)('a stream that is faster than the store, on $name,', ({ open }) => {
  test('waits at the socket: what is read ahead is bounded, and nothing is lost', async () => {
    await using test = await open()
    await using jetstream = await openJetstreamServer()
    const startUs = (Date.now() - 600_000) * 1000
    // Ten minutes of posts: nothing else is asked for, so all of it is sent.
    const shares = { like: 0, repost: 0, follow: 0, block: 0, delete: 0 }
    const frames = take(FRAMES, generateFrames({ seed: 3, startUs, eventsPerSecond: 120, shares }))
    jetstream.appendAll(frames)
    const slow: WriteDatabase = {
      ...test.writer,
      transaction: async (work) => {
        await delay(20)
        return test.writer.transaction(work)
      },
    }
    const stop = new AbortController()
    const ingest = startIngest(
      {
        databaseUrl: test.url,
        jetstreamUrls: [jetstream.url],
        idleMs: 30_000,
        backfillHours: 1,
        retentionDays: 30,
        windowHours: 72,
        onlyTags: undefined,
        pinned: [],
      },
      { database: slow, logger: silentLogger(), clock: systemClock, signal: stop.signal },
    )
    let most = 0
    await until(() => {
      const { buffered, eventsTotal } = ingest.status()
      most = Math.max(most, buffered)
      return eventsTotal > FRAMES / 2 && eventsTotal === jetstream.connections[0]?.framesSent
    })
    stop.abort()
    await ingest.done
    // The limit, and what one read of the socket may hold beyond it.
    expect(most).toBeLessThan(16_000)
    expect(ingest.status()).toMatchObject({ reconnectsTotal: 0, rejectedTotal: 0 })
    expect(ingest.status().eventsTotal).toBe(jetstream.connections[0]?.framesSent)
  })
})
