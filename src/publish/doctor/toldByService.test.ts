import { describe, expect, test } from 'vitest'
import type { Answer, Ask } from './ask.ts'
import { checkAnswers } from './checkAnswers.ts'
import { checkIngest } from './checkIngest.ts'
import type { Deployment } from './deployment.ts'
import { groupFindings } from './groupFindings.ts'
import { renderText } from './renderText.ts'
import { notesOf } from './report.ts'

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
  test('are told by feed, from the metrics of the service', async () => {
    const metrics = [
      '# TYPE feedgen_answers_abandoned_total counter',
      'feedgen_answers_abandoned_total{feed="art"} 3',
      'feedgen_answers_abandoned_total{feed="cats"} 0',
      'feedgen_answers_late_total{feed="cats",kind="page"} 1',
      'feedgen_answers_late_total{feed="\u001b[2J"} 1',
    ].join('\n')
    const findings = await checkAnswers(DEPLOYMENT, asking('/metrics', metrics))
    expect(findings).toMatchObject(
      [
        {
          check: 'answers',
          verdict: 'warning',
          feed: 'art',
          message: /^3 answers since its start/u,
        },
        {
          check: 'answers',
          verdict: 'warning',
          feed: 'cats',
          message: /^1 answer since its start/u,
        },
      ].map(({ message, ...rest }) => ({ ...rest, message: expect.stringMatching(message) })),
    )
  })

  test('are well when there are none, and nothing is said where nothing is known', async () => {
    const none = 'feedgen_answers_abandoned_total{feed="art"} 0\n'
    expect(await checkAnswers(DEPLOYMENT, asking('/metrics', none))).toMatchObject([
      { verdict: 'ok' },
    ])
    expect(await checkAnswers(DEPLOYMENT, asking('/metrics', 'other 1'))).toEqual([])
    expect(await checkAnswers(DEPLOYMENT, asking('/metrics', none, 403))).toEqual([])
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
