import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MAX_FRAME_BYTES } from '../stream/streamFrame.ts'
import { decodeEvent } from './decodeEvent.ts'

const did = 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa'
const commit = {
  rev: '3mmoojpaqkn2z',
  operation: 'create',
  collection: 'app.bsky.feed.post',
  rkey: '3mmoojp4cd223',
  record: { text: 'hello' },
  cid: 'bafyreiaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
}
const good = { did, time_us: 1_779_719_009_157_119, kind: 'commit', commit }
const account = { did, active: true, seq: 1, time: '2026-05-25T14:23:29.950Z' }

const decodeText = (text: string) => decodeEvent({ data: Buffer.from(text), isBinary: false })
const decode = (value: unknown) => decodeText(JSON.stringify(value))

describe('decodeEvent', () => {
  test('reads a create, an update, a delete, an account, an identity', () => {
    expect(decode(good)).toMatchObject({ ok: true, event: { kind: 'put', did, rkey: commit.rkey } })
    const update = { ...good, commit: { ...commit, operation: 'update' } }
    expect(decode(update)).toMatchObject({ ok: true, event: { kind: 'put' } })
    const { record: _, cid: __, ...bare } = { ...commit, operation: 'delete' }
    expect(decode({ ...good, commit: bare })).toMatchObject({ ok: true, event: { kind: 'delete' } })
    expect(decode({ did, time_us: 1, kind: 'account', account })).toMatchObject({
      ok: true,
      event: { kind: 'account', active: true, time: account.time },
    })
    expect(decode({ did, time_us: 1, kind: 'identity', identity: { did } })).toMatchObject({
      ok: true,
      event: { kind: 'identity' },
    })
  })

  test('ignores kinds and collections that it does not know', () => {
    expect(decode({ did, time_us: 1, kind: 'sync' })).toMatchObject({ ok: true })
    const other = { ...good, commit: { ...commit, collection: 'com.example.thing' } }
    expect(decode(other)).toMatchObject({ ok: true, event: { collection: 'com.example.thing' } })
  })

  test.each([
    ['json', 'null'],
    ['json', '[]'],
    ['json', '7'],
    ['json', '{"did":'],
    ['json', ''],
    ['json', '['.repeat(100_000)],
  ])('rejects as %s: %s', (reason, text) => {
    expect(decodeText(text)).toMatchObject({ ok: false, reason })
  })

  test.each([
    ['time', { ...good, time_us: undefined }],
    ['time', { ...good, time_us: '1779719009157119' }],
    ['time', { ...good, time_us: 0 }],
    ['time', { ...good, time_us: -1 }],
    ['time', { ...good, time_us: 1.5 }],
    ['time', { ...good, time_us: 2 ** 53 }],
    ['did', { ...good, did: 'alice.test' }],
    ['did', { ...good, did: 7 }],
    ['did', { ...good, did: undefined, kind: 'sync' }],
    ['commit', { ...good, commit: undefined }],
    ['commit', { ...good, commit: [] }],
    ['operation', { ...good, commit: { ...commit, operation: 'upsert' } }],
    ['collection', { ...good, commit: { ...commit, collection: 'post' } }],
    ['collection', { ...good, commit: { ...commit, collection: undefined } }],
    ['rkey', { ...good, commit: { ...commit, rkey: '' } }],
    ['rkey', { ...good, commit: { ...commit, rkey: 'a/b' } }],
    ['rkey', { ...good, commit: { ...commit, rkey: '..' } }],
    ['rev', { ...good, commit: { ...commit, rev: 'x' } }],
    ['rev', { ...good, commit: { ...commit, rev: undefined } }],
    ['record', { ...good, commit: { ...commit, record: undefined } }],
    ['record', { ...good, commit: { ...commit, record: [] } }],
    ['record', { ...good, commit: { ...commit, operation: 'update', record: null } }],
    ['cid', { ...good, commit: { ...commit, cid: undefined } }],
    ['cid', { ...good, commit: { ...commit, cid: 'short' } }],
    ['cid', { ...good, commit: { ...commit, cid: 'a'.repeat(257) } }],
    ['cid', { ...good, commit: { ...commit, cid: 'bafy reiaa' } }],
    ['account', { did, time_us: 1, kind: 'account', account: { ...account, active: 'true' } }],
    ['account', { did, time_us: 1, kind: 'account', account: { ...account, did: 'did:plc:b' } }],
    ['account', { did, time_us: 1, kind: 'account' }],
  ])('rejects as %s: %j', (reason, value) => {
    expect(decode(value)).toMatchObject({ ok: false, reason })
  })

  test('says the time of a rejected frame that has one', () => {
    expect(decode({ ...good, did: 'x' })).toMatchObject({ timeUs: good.time_us })
  })

  test('takes any plausible cid, and a bad status for none', () => {
    const short = { ...good, commit: { ...commit, cid: 'Abcd1234' } }
    expect(decode(short)).toMatchObject({ ok: true })
    const odd = { did, time_us: 1, kind: 'account', account: { ...account, status: 7 } }
    expect(decode(odd)).toMatchObject({ ok: true, event: { status: undefined } })
  })

  test('rejects binary messages, bad UTF-8, and what is larger than 8 MiB', () => {
    const data = Buffer.from(JSON.stringify(good))
    expect(decodeEvent({ data, isBinary: true })).toMatchObject({ reason: 'binary' })
    const broken = Buffer.concat([data, Buffer.from([0xff])])
    expect(decodeEvent({ data: broken, isBinary: false })).toMatchObject({ reason: 'utf8' })
    const huge = Buffer.alloc(MAX_FRAME_BYTES + 1, 32)
    expect(decodeEvent({ data: huge, isBinary: false })).toMatchObject({ reason: 'tooLarge' })
    const largest = Buffer.alloc(MAX_FRAME_BYTES, 32)
    data.copy(largest)
    expect(decodeEvent({ data: largest, isBinary: false })).toMatchObject({ ok: true })
  })

  test('never throws, whatever comes', () => {
    const frames = fc.oneof(
      fc.uint8Array().map(Buffer.from),
      fc.json().map((t) => Buffer.from(t)),
    )
    fc.assert(
      fc.property(frames, fc.boolean(), (data, isBinary) => {
        expect(decodeEvent({ data, isBinary })).toHaveProperty('ok')
      }),
    )
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (inner, time) => {
        const value = { ...good, time_us: time, commit: inner, account: inner, kind: 'account' }
        let text = 'null'
        try {
          text = JSON.stringify(value) ?? 'null'
        } catch {
          // What JSON cannot say cannot come over the wire.
        }
        expect(decodeText(text)).toHaveProperty('ok')
      }),
    )
  })
})
