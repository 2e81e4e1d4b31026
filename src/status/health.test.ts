import { describe, expect, test } from 'vitest'
import { US_PER_SECOND } from '../time.ts'
import { stateOf } from '../web/frame/serviceState.ts'
import { homePage } from '../web/pages/homePage.ts'
import { healthOf, unreadiness, warnings } from './health.ts'
import type { HealthOptions } from './health.ts'
import type { IngestStatus } from './ingestStatus.ts'

const NOW = 1_790_000_000_000_000
const seconds = (count: number): number => count * US_PER_SECOND
const WELL: IngestStatus = {
  state: 'active',
  connected: true,
  host: 'wss://jetstream.example.net',
  lastConnectedUs: NOW,
  positionUs: NOW - seconds(1),
  lagMs: 500,
  eventsTotal: 1,
  rejectedTotal: 0,
  rejectedByReason: {},
  futureTotal: 0,
  reconnectsTotal: 0,
  batchesTotal: 1,
  operationsTotal: 1,
  poisonedTotal: 0,
  buffered: 0,
  lastBatchMs: 1,
  problem: undefined,
}
const RANKING = {
  rkey: 'hot',
  generation: 1,
  isLive: true,
  computedUs: NOW,
  candidates: 1,
  durationMs: 1,
  problem: undefined,
}

function optionsOf(
  status: Partial<IngestStatus>,
  ranking: Partial<Omit<typeof RANKING, 'problem'> & { problem: string }> = {},
): HealthOptions {
  return {
    version: '1',
    startedUs: NOW,
    clock: () => NOW,
    startPositionUs: null,
    ingestStatus: () => ({ ...WELL, ...status }),
    rankingStatuses: () => [{ ...RANKING, ...ranking }],
    answers: { abandonedTotal: 1, lateTotal: 2, refusedTotal: 3 },
  }
}

describe('readiness', () => {
  test.each<[what: string, status: Partial<IngestStatus>, reason: RegExp | undefined]>([
    ['a service that is well', {}, undefined],
    [
      'a stream on which nothing has come for an hour',
      { positionUs: NOW - seconds(3_600) },
      undefined,
    ],
    [
      'a stream that was connected 59 s ago',
      { connected: false, lastConnectedUs: NOW - seconds(59) },
      undefined,
    ],
    [
      'a stream that was connected 61 s ago',
      { connected: false, lastConnectedUs: NOW - seconds(61) },
      /not connected/,
    ],
    [
      'a stream that was never connected',
      { connected: false, lastConnectedUs: undefined },
      /not connected/,
    ],
    ['a lag of 59.999 s', { lagMs: 59_999 }, undefined],
    ['a lag of 60 s', { lagMs: 60_000 }, /60 s behind/],
    ['a lag that is not known', { lagMs: undefined }, /no event/],
    ['a frame that has waited for 59 s', { waitingSinceUs: NOW - seconds(59) }, undefined],
    [
      'a frame that has waited for 60 s',
      { waitingSinceUs: NOW - seconds(60), problem: 'SQLITE_FULL: database or disk is full' },
      /60 s to be stored: the disk is full/,
    ],
    ['a wrong clock', { clockProblem: 'our clock is 3 days behind' }, /clock .* wrong/],
    [
      'a gap',
      { gap: { fromUs: NOW - seconds(500_000), toUs: NOW - seconds(90_000), seenUs: NOW } },
      undefined,
    ],
  ])('of %s', (_, status, reason) => {
    const reasons = unreadiness(optionsOf(status))
    expect(reasons).toHaveLength(reason === undefined ? 0 : 1)
    expect(reasons.join('')).toMatch(reason ?? /^$/)
  })

  test('has a gap with both its ends among its warnings, and in the health', () => {
    const gap = { fromUs: NOW - seconds(500_000), toUs: NOW - seconds(90_000), seenUs: NOW }
    const [warning] = warnings(optionsOf({ gap }))
    expect(warning).toMatch(/gap .* 2026-09-15T19:20:00.000Z to 2026-09-20T13:13:20.000Z/)
    expect(warnings(optionsOf({}))).toEqual([])
    expect(healthOf(optionsOf({ gap }))).toMatchObject({
      ingest: { gap: { fromUs: gap.fromUs, toUs: gap.toUs } },
    })
  })
})

describe('what strangers are told', () => {
  const secrets = ['db7.internal.example', '5432', 'feeds_db', '/srv/tagfeed/data.db', 'tagfeed_rw']
  const problem =
    'no database server will do (db7.internal.example:5432/feeds_db: password authentication failed ' +
    'for user "tagfeed_rw"); unable to open database file /srv/tagfeed/data.db'

  test.each<[state: IngestStatus['state'], connected: boolean]>([
    ['waiting', false],
    ['standby', false],
    ['active', true],
    ['active', false],
    ['starting', false],
  ])('names nothing of the operator: %s, connected %s', async (state, connected) => {
    const status = { state, connected, problem, clockProblem: undefined }
    const gone = { lastConnectedUs: undefined, waitingSinceUs: NOW - seconds(90) }
    for (const isLive of [true, false]) {
      const health = optionsOf({ ...status, ...gone }, { isLive, problem })
      const site = {
        ...{ version: '1', serviceDid: 'did:web:feed.example.net', pages: [] },
        endpoint: 'https://feed.example.net',
      }
      const state = stateOf(health)
      const texts = [
        JSON.stringify(healthOf(health)),
        unreadiness(health).join('\n'),
        warnings(health).join('\n'),
        homePage({ site, state, feeds: [], nowUs: NOW }),
      ]
      const told = secrets.filter((secret) => texts.some((text) => text.includes(secret)))
      expect(told).toEqual([])
      expect(texts[0]).toContain('"problem":"')
      expect(texts[1]).toMatch(/has waited for 90 s/)
    }
  })

  test('says how many answers nobody waited for, and how many were late', () => {
    const health = optionsOf({})
    expect(healthOf(health)).toMatchObject({ answers: { abandonedTotal: 1, lateTotal: 2 } })
  })
})
