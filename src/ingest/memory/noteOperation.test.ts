import { expect, test } from 'vitest'
import { did, tid } from '../../../test/support/events.ts'
import type { PutMark, PutPost } from '../events/operations.ts'
import { KeptPosts } from './keptPosts.ts'
import { KnownRecords } from './knownRecords.ts'
import { noteOperation } from './noteOperation.ts'

const NOW = 1_800_000_000_000_000
const [rkey, rev] = [tid(NOW - 9), tid(NOW - 5)]
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
const post: PutPost = {
  ...{ kind: 'putPost', did: did(0), rkey, rev, cid: 'bafypost', timeUs: NOW, indexedAt: NOW },
  facts: undefined,
}
const like: PutMark = {
  ...{ kind: 'putMark', mark: 'like', did: did(1), rkey, rev, timeUs: NOW },
  engagement: { kind: 'like', did: did(0), rkey: tid(NOW - 20) },
  isCreate: true,
}
const keysOfNothing = () => ({ kept: new KeptPosts(), known: KnownRecords.ofNothing() })

test('a post that is kept is found by what engages with it, another one is not', () => {
  const keys = keysOfNothing()
  noteOperation(post, keys)
  expect(keys.kept.mayHave(rkey)).toBe(false)
  noteOperation({ ...post, facts }, keys)
  expect(keys.kept.mayHave(rkey)).toBe(true)
})

test.each([
  post,
  like,
  { ...like, engagement: undefined, isCreate: false },
  { kind: 'deletePost', did: did(0), rkey, rev } as const,
  { kind: 'deleteMark', mark: 'like', did: did(0), rkey, rev } as const,
])('an operation is the first of its record once: $kind', (op) => {
  const keys = keysOfNothing()
  expect([noteOperation(op, keys), noteOperation(op, keys)]).toEqual([true, false])
  expect(keys.known.mayHave(rkey)).toBe(true)
})

test('nothing is noted of a new like of a post that is not ours, nor of an account', () => {
  const keys = keysOfNothing()
  const told = { active: true, status: undefined, timeUs: NOW, toldUs: NOW, time: NOW }
  expect(noteOperation({ ...like, engagement: undefined }, keys)).toBe(false)
  expect(noteOperation({ kind: 'setAccount', did: did(0), ...told }, keys)).toBe(false)
  expect(keys.known.mayHave(rkey)).toBe(false)
})
