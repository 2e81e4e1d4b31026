import { beforeAll, describe, expect, test } from 'vitest'
import { fakeCid } from '../support/events.ts'
import type { CommitEvent } from '../support/events.ts'
import {
  app,
  datetimeUs,
  newDid,
  nowUs,
  post,
  publish,
  remove,
  shuffle,
  tick,
  update,
  uriOf,
} from '../support/keptBench.ts'
import { createRandom } from '../support/streamGenerator.ts'

/** Section 4 of the contract, rule by rule: the place of a post. */

const HOUR_US = 3_600_000_000

describe('indexed_at', () => {
  /** The event's own time, where `createdAt` is unreadable or later. */
  const EVENT = 'the time of the event'
  const day = (us: number): string => new Date(us / 1000).toISOString().slice(0, 10)
  const seconds = (us: number): string => new Date(us / 1000).toISOString().slice(0, 19)
  const exactly = (text: string, us: number) => (): [unknown, number | typeof EVENT] => [text, us]
  const is = (value: unknown) => (): [unknown, typeof EVENT] => [value, EVENT]
  /** `whole` is a whole second, an hour before the event. */
  type Row = (whole: number, event: number) => [createdAt: unknown, expected: number | typeof EVENT]
  const zone =
    (text: string, minutes: number): Row =>
    (whole) => [`${seconds(whole + minutes * 60_000_000)}${text}`, whole]
  const fraction =
    (digits: string, us: number): Row =>
    (whole) => [`${seconds(whole)}.${digits}Z`, whole + us]
  const bad =
    (make: (whole: number) => string): Row =>
    (whole) => [make(whole), EVENT]
  const rows: [name: string, row: Row][] = [
    ['Z', zone('Z', 0)],
    ['+00:00', zone('+00:00', 0)],
    ['+05:30', zone('+05:30', 330)],
    ['-08:00', zone('-08:00', -480)],
    ['+14:00', zone('+14:00', 840)],
    ['-12:00', zone('-12:00', -720)],
    ['one digit', fraction('1', 100_000)],
    ['three digits', fraction('123', 123_000)],
    ['six digits', fraction('123456', 123_456)],
    ['a seventh digit, cut off', fraction('1234567', 123_456)],
    ['nine nines, not rounded up', fraction('999999999', 999_999)],
    ['twenty digits', fraction('00000199999999999999', 1)],
    [
      'a fraction and an offset',
      (whole) => [`${seconds(whole + 3_600_000_000)}.000007+01:00`, whole + 7],
    ],
    ['a leap day', exactly('2024-02-29T12:00:00Z', Date.UTC(2024, 1, 29, 12) * 1000)],
    [
      'the end of a year in another zone',
      exactly('2024-12-31T23:30:00-01:00', Date.UTC(2025, 0, 1, 0, 30) * 1000),
    ],
    ['the first microsecond', exactly('1970-01-01T00:00:00.000001Z', 1)],
    ['1970', exactly('1970-01-01T00:00:00Z', 0)],
    ['the last moment before 1970', exactly('1969-12-31T23:59:59.999999Z', 0)],
    ['1970 in a zone ahead', exactly('1970-01-01T00:00:00+09:00', 0)],
    ['1900', exactly('1900-01-01T00:00:00Z', 0)],
    ['the year 1', exactly('0001-01-01T00:00:00Z', 0)],
    ['the year 99', exactly('0099-06-01T00:00:00.5Z', 0)],
    ['a microsecond before the event', (_, event) => [datetimeUs(event - 1), event - 1]],
    ['the moment of the event', (_, event) => [datetimeUs(event), EVENT]],
    ['a microsecond after the event', (_, event) => [datetimeUs(event + 1), EVENT]],
    ['an hour after the event', (_, event) => [datetimeUs(event + HOUR_US), EVENT]],
    ['the year 9999', is('9999-12-31T23:59:59.999Z')],
    ['the year 10000', is('10000-01-01T00:00:00Z')],
    ['the year 0', is('0000-01-01T00:00:00Z')],
    ['a year below 0', is('-0001-01-01T00:00:00Z')],
    ['a signed year', is('+002024-01-01T00:00:00Z')],
    ['30 February', is('2024-02-30T00:00:00Z')],
    ['29 February of a common year', is('2023-02-29T00:00:00Z')],
    ['29 February 1900', is('1900-02-29T00:00:00Z')],
    ['31 April', is('2024-04-31T00:00:00Z')],
    ['day 0', is('2024-01-00T00:00:00Z')],
    ['month 0', is('2024-00-01T00:00:00Z')],
    ['month 13', is('2024-13-01T00:00:00Z')],
    ['hour 24', is('2024-01-01T24:00:00Z')],
    ['minute 60', is('2024-01-01T00:60:00Z')],
    ['second 61', is('2024-01-01T00:00:61Z')],
    ['no zone', bad(seconds)],
    ['zone -00:00', bad((whole) => `${seconds(whole)}-00:00`)],
    ['a zone without a colon', bad((whole) => `${seconds(whole)}+0000`)],
    ['a zone of hours', bad((whole) => `${seconds(whole)}+00`)],
    ['a zone of 24 hours', bad((whole) => `${seconds(whole)}+24:00`)],
    ['a zone of 60 minutes', bad((whole) => `${seconds(whole)}+00:60`)],
    ['a small z', bad((whole) => `${seconds(whole)}z`)],
    ['a small t', bad((whole) => `${seconds(whole)}Z`.replace('T', 't'))],
    ['a space for T', bad((whole) => `${seconds(whole)}Z`.replace('T', ' '))],
    ['a date alone', bad(day)],
    ['no seconds', bad((whole) => `${seconds(whole).slice(0, 16)}Z`)],
    ['a dot and no digits', bad((whole) => `${seconds(whole)}.Z`)],
    ['a comma for the dot', bad((whole) => `${seconds(whole)},5Z`)],
    ['the basic form', bad((whole) => `${seconds(whole).replaceAll(/[-:]/g, '')}Z`)],
    ['a space in front', bad((whole) => ` ${seconds(whole)}Z`)],
    ['a line break behind', bad((whole) => `${seconds(whole)}Z\n`)],
    ['other digits', bad((whole) => `${seconds(whole)}Z`.replaceAll('0', '０'))],
    ['words', is('yesterday')],
    ['an HTTP date', bad((whole) => new Date(whole / 1000).toUTCString())],
    ['an empty text', is('')],
    ['a number', is(1_700_000_000_000)],
    ['null', is(null)],
    ['an object', is({})],
    ['nothing', is(undefined)],
  ]
  const cases = rows.map(([name, row]) => {
    const event = tick() + 137
    const whole = Math.floor((event - HOUR_US) / 1_000_000) * 1_000_000
    const [createdAt, wanted] = row(whole, event)
    const expected = wanted === EVENT ? event : wanted
    const at = (us: number) =>
      post('when', { timeUs: Math.max(us, event), record: { createdAt: datetimeUs(us) } })
    const subject = post('when', { timeUs: event, record: { createdAt } })
    const newer = at(expected + 1)
    return { name, expected, subject, newer, older: expected > 0 ? at(expected - 1) : undefined }
  })
  let order: string[] = []

  beforeAll(async () => {
    await publish(
      ...cases.flatMap(({ subject, newer, older }) => [subject, newer, ...(older ? [older] : [])]),
    )
    order = await app.walk('when')
  })

  test.each(cases)('takes createdAt with $name to the microsecond', (row) => {
    const place = order.indexOf(uriOf(row.subject))
    expect(place).toBeGreaterThan(order.indexOf(uriOf(row.newer)))
    expect(row.older === undefined || place < order.indexOf(uriOf(row.older))).toBe(true)
  })

  test('is the time of the first event after which the record was kept', async () => {
    const createdAt = undefined
    const early = post([], { record: { createdAt } })
    const reply = post(['nodate'], { record: { createdAt, reply: {} } })
    const between = post('nodate', { record: { createdAt } })
    const entered = update(early, ['nodate'], { record: { createdAt } })
    const between2 = post('nodate', { record: { createdAt } })
    const rooted = update(reply, ['nodate'], { record: { createdAt } })
    await publish(early, reply, between, entered, between2, rooted)
    expect(await app.walk('nodate')).toEqual([reply, between2, early, between].map(uriOf))
  })
})

describe('the order of a recent feed', () => {
  test('is indexed_at, then cid, then uri, all descending, by bytes', async () => {
    const createdAt = datetimeUs(tick())
    const cids = [
      'bafyaaaa',
      'bafyaaab',
      'bafyaaaba',
      'bafyZZZZ',
      'bafy9999',
      'Zafyaaaa',
      'zzzzzzzz',
    ]
    const rkeys = ['3kaaaaaaaaa2a', 'A', 'a', 'a~', 'a-b', 'a_b', 'a.b', 'a:b', 'aB', 'Z']
    const dids = [newDid(), newDid(), 'did:web:Example.com', 'did:web:example.com']
    const posts = cids.flatMap((cid, index) =>
      rkeys.flatMap((rkey) =>
        dids.map((author) =>
          post('tie', { cid, rkey: `${rkey}${index}`, did: author, record: { createdAt } }),
        ),
      ),
    )
    const newest = post('tie', { cid: 'aaaaaaaa' })
    const oldest = post('tie', {
      cid: 'zzzzzzzzz',
      record: { createdAt: datetimeUs(nowUs - HOUR_US) },
    })
    await publish(...shuffle([...posts, newest, oldest], createRandom(1)))
    const keyOf = (event: CommitEvent) => `${event.commit.cid} ${uriOf(event)}`
    const sorted = posts.toSorted((left, right) => (keyOf(left) < keyOf(right) ? 1 : -1))
    const expected = [newest, ...sorted, oldest].map(uriOf)
    expect(await app.walk('tie', 100)).toEqual(expected)
    expect(await app.walk('tie', 7)).toEqual(expected)
  })

  test('tells equal records in two repositories apart', async () => {
    const timeUs = tick()
    const cid = fakeCid('same')
    const same = [newDid(), newDid(), newDid()].map((author) =>
      post('twocids', { timeUs, did: author, rkey: '3kaaaaaaaaa2a', cid }),
    )
    await publish(...same)
    const expected = same.map(uriOf).toSorted().toReversed()
    expect(await app.walk('twocids', 1)).toEqual(expected)
    await publish(remove(same[1] as CommitEvent))
    expect(await app.walk('twocids', 1)).toEqual(
      expected.filter((uri) => uri !== uriOf(same[1] as CommitEvent)),
    )
  })
})
