import { describe, expect, test } from 'vitest'
import type { Answer, Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import { groupFindings } from '../groupFindings.ts'
import { renderText } from '../renderText.ts'
import { checkAnswers } from './checkAnswers.ts'
import { checkIngest } from './checkIngest.ts'

const DEPLOYMENT = {
  baseUrl: 'https://feed.example.net',
  allFeeds: [{ rkey: 'art' }, { rkey: 'cats' }],
} as unknown as Deployment

const reply = (url: string, text: string, status = 200): Answer => ({
  ok: true,
  url,
  status,
  headers: new Headers({ 'content-type': 'application/json' }),
  text,
  ms: 1,
  aheadMs: 0,
})
const asking =
  (path: string, text: string, status?: number): Ask =>
  (url) =>
    Promise.resolve(url.endsWith(path) ? reply(url, text, status) : reply(url, '{}', 404))

describe('answers that came too late', () => {
  const healthWith = (abandonedTotal: number, lateTotal: number) => ({
    answers: { abandonedTotal, lateTotal, refusedTotal: 0 },
  })
  const metrics = [
    '# TYPE feedgen_answers_abandoned_total counter',
    'feedgen_answers_abandoned_total{feed="art"} 30',
    'feedgen_answers_abandoned_total{feed="cats"} 0',
    'feedgen_answers_late_total{feed="cats",kind="page"} 10',
    'feedgen_answers_late_total{feed="\u001b[2J"} 1',
  ].join('\n')
  const told = async (...args: Parameters<typeof healthWith>) => {
    const findings = await checkAnswers(
      DEPLOYMENT,
      asking('/metrics', metrics),
      healthWith(...args),
    )
    return findings.map(({ verdict, message }) => `${verdict} ${message}`)
  }

  test('are told when there are many, with their feeds where the metrics are open', async () => {
    expect(await told(30, 10)).toEqual([
      expect.stringMatching(/^warning 30 answers \(of art\) since its start for which nobody/u),
      expect.stringMatching(/^warning 10 answers \(of cats\) since its start that took longer/u),
    ])
    const closed = await checkAnswers(DEPLOYMENT, asking('/metrics', '', 403), healthWith(30, 0))
    expect(closed.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^30 answers since its start for which nobody/u),
    ])
  })

  test('are well when there are few, and nothing is said where nothing is known', async () => {
    expect(await told(0, 0)).toEqual(['ok no answer of the service came too late since its start'])
    expect(await told(3, 1)).toEqual([
      'ok no more than 4 answers of the service came too late since its start',
    ])
    for (const health of [undefined, { answers: null }, { answers: 7 }]) {
      expect(await checkAnswers(DEPLOYMENT, asking('/metrics', metrics), health)).toEqual([])
    }
  })
})

test('a gap of the stream is told once, with both its ends', async () => {
  const nowMs = Date.parse('2026-11-28T12:00:00Z')
  const gap = { fromUs: (nowMs - 7_200_000) * 1000, toUs: nowMs * 1000, seenUs: nowMs * 1000 }
  const ingest = { connected: true, positionUs: nowMs * 1000, lagMs: 0, gap }
  const warnings = ['the stream has a gap', 'the ranking of top is not renewed']
  const findings = await checkIngest(
    DEPLOYMENT,
    asking('/ready', JSON.stringify({ ready: true, warnings })),
    { health: { ingest }, nowMs },
  )
  expect(findings.map(({ verdict, message }) => `${verdict} ${message}`)).toEqual([
    expect.stringMatching(/^ok the stream is connected/u),
    expect.stringMatching(
      /^warning the stream has a gap from 2026-11-28T10:00:00\.000Z to 2026-11-28T12:00:00\.000Z \(2 hours\)/u,
    ),
    'warning the ranking of top is not renewed',
  ])
})

describe('equal findings', () => {
  const note = notesOf('record')
  const missing = (feed: string) =>
    note.failure('it is not published', { feed, advice: `npm run publishFeed -- --only ${feed}` })

  test('of many feeds are one line, with an advice for all of them', () => {
    const groups = groupFindings([
      missing('art'),
      note.ok('it is published', { feed: 'dogs' }),
      missing('cats'),
      note.ok('it is published'),
    ])
    expect(groups.map((group) => renderText(group))).toEqual([
      'FAILURE  record         art, cats: it is not published\n' +
        `${' '.repeat(24)}to do: npm run publishFeed -- --only art --only cats`,
      'ok       record         dogs: it is published',
      'ok       record         it is published',
    ])
  })

  test('name only the first of very many feeds', () => {
    const findings = Array.from({ length: 12 }, (_, index) =>
      note.ok('well', { feed: `f${index}` }),
    )
    const [group, ...others] = groupFindings(findings)
    expect(others).toEqual([])
    expect(group && renderText(group)).toBe(
      'ok       record         f0, f1, f2, f3, f4, f5, f6, f7 and 4 more: well',
    )
  })
})
