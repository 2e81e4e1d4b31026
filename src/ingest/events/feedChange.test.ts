import { describe, expect, test } from 'vitest'
import {
  accountEvent,
  deleteRecord,
  did,
  fakeCid,
  tid,
  withHashtags,
  writeRecord,
} from '../../../test/support/events.ts'
import { KeptPosts } from '../memory/keptPosts.ts'
import { StreamFrame, createConnection } from '../stream/streamFrame.ts'
import { mayChangeFeeds } from './feedChange.ts'

const POST = 'app.bsky.feed.post'
const timeUs = Date.UTC(2026, 6, 4) * 1000
const kept = new KeptPosts()
const known = { did: did(1), timeUs, rev: tid(timeUs), rkey: tid(timeUs), cid: fakeCid('1') }
const strange = { ...known, rkey: tid(timeUs + 5_000_000) }
kept.add(known.rkey)

const createdAt = '2026-07-04T00:00:00Z'
const tagged = { createdAt, ...withHashtags('a cat', ['cats']) }
const subject = { uri: `at://${did(1)}/${POST}/${known.rkey}`, cid: fakeCid('1') }

function says(event: object, text = JSON.stringify(event)): boolean {
  const bytes = Buffer.from(`before${text}`)
  const place = { from: 'before'.length, to: bytes.length }
  const connection = createConnection('a host')
  return mayChangeFeeds(new StreamFrame({ bytes, ...place, isBinary: false, connection }), { kept })
}

describe('readers wait for', () => {
  test.each<[string, object]>([
    ['a post with a tag in its text', writeRecord('create', POST, strange, tagged)],
    [
      'a post with hidden tags',
      writeRecord('create', POST, strange, { createdAt, tags: ['cats'] }),
    ],
    ['the deletion of a post that is kept', deleteRecord(POST, known)],
    ['an update of a post that is kept', writeRecord('update', POST, known, { createdAt })],
    [
      'an account that goes',
      accountEvent({ did: did(1), timeUs, active: false, status: 'deleted' }),
    ],
  ])('%s', (_, event) => {
    expect(says(event)).toBe(true)
    expect(says(event, JSON.stringify(event, undefined, 1))).toBe(true)
  })
})

describe('readers do not wait for', () => {
  test.each<[string, object]>([
    ['a like', writeRecord('create', 'app.bsky.feed.like', strange, { createdAt, subject })],
    ['a repost', writeRecord('create', 'app.bsky.feed.repost', strange, { createdAt, subject })],
    ['a post without tags', writeRecord('create', POST, strange, { createdAt, text: 'a cat' })],
    ['a reply', writeRecord('create', POST, strange, { ...tagged, reply: { root: subject } })],
    ['the deletion of a post that is not kept', deleteRecord(POST, strange)],
    ['a follow', writeRecord('create', 'app.bsky.graph.follow', strange, { createdAt })],
    ['an account that is well', accountEvent({ did: did(1), timeUs })],
  ])('%s', (_, event) => {
    expect(says(event)).toBe(false)
  })
})
