import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PostOp } from '../events/operations.ts'
import { UNTOLD_ACCOUNT } from './foldAccount.ts'
import { afterErasure, foldRecord } from './foldRecord.ts'
import type { RecordState } from './foldRecord.ts'

const key = { did: 'did:plc:a', rkey: 'r' }
const facts = { tags: ['art'], media: 0, languages: [], labels: [] }
const put = (rev: string, indexedAt: number, isKept = true): PostOp => ({
  kind: 'putPost',
  ...key,
  rev,
  cid: `cid${rev}`,
  indexedAt,
  timeUs: indexedAt,
  facts: isKept ? facts : undefined,
})
const gone = (rev: string): PostOp => ({ kind: 'deletePost', ...key, rev })
const fold = (...ops: PostOp[]): RecordState => ops.reduce(foldRecord, undefined as RecordState)

describe('foldRecord', () => {
  test('keeps the place of the first sight through updates', () => {
    expect(fold(put('3b', 5), put('3c', 9))).toMatchObject({
      kind: 'kept',
      rev: '3c',
      cid: 'cid3b',
      indexedAt: 5,
    })
  })

  test('keeps the place while an update leaves the post without tags', () => {
    const state = fold(put('3b', 5), put('3c', 7, false), put('3d', 9))
    expect(state).toMatchObject({ indexedAt: 5, cid: 'cid3b', facts })
    expect(fold(put('3b', 5), put('3c', 7, false))).toMatchObject({ facts: undefined })
  })

  test('gives a record its place when it is first kept, not when it is first seen', () => {
    expect(fold(put('3b', 5, false), put('3c', 9))).toMatchObject({ indexedAt: 9, cid: 'cid3c' })
  })

  test('makes a new record of one that was deleted and created again', () => {
    const state = fold(put('3b', 5), gone('3c'), put('3d', 9))
    expect(state).toMatchObject({ kind: 'kept', indexedAt: 9, cid: 'cid3d' })
  })

  test('lets no older frame bring a record back or change it', () => {
    expect(fold(put('3b', 5), gone('3c'), put('3b', 5))).toMatchObject({ fate: 'deleted' })
    expect(fold(gone('3c'), put('3b', 5))).toMatchObject({ kind: 'trace', rev: '3c' })
    expect(fold(put('3c', 5, false), put('3b', 5))).toMatchObject({ kind: 'trace', rev: '3c' })
    expect(fold(put('3c', 5), gone('3b'))).toMatchObject({ kind: 'kept', rev: '3c' })
  })

  test('lets a delete win over a frame of the same revision, in either order', () => {
    expect(fold(put('3b', 5), gone('3b'))).toMatchObject({ fate: 'deleted' })
    expect(fold(gone('3b'), put('3b', 5))).toMatchObject({ fate: 'deleted' })
  })

  test('leaves a record where it fell out of the retention, until it is deleted', () => {
    const expired: RecordState = { kind: 'trace', rev: '3b', fate: 'expired' }
    expect(foldRecord(expired, put('3c', 9))).toEqual({ ...expired, rev: '3c' })
    expect(foldRecord(expired, put('3c', 9, false))).toEqual({ ...expired, rev: '3c' })
    expect(foldRecord(expired, put('3b', 9))).toEqual(expired)
    const again = foldRecord(foldRecord(expired, gone('3c')), put('3d', 9))
    expect(again).toMatchObject({ kind: 'kept', indexedAt: 9 })
  })

  test('changes nothing when frames repeat', () => {
    const ops = fc.array(
      fc
        .record({ rev: fc.constantFrom('3b', '3c', '3d', '3e'), what: fc.nat(2) })
        .map(({ rev, what }) => (what === 2 ? gone(rev) : put(rev, 5, what === 1))),
    )
    fc.assert(
      fc.property(ops, (list) => {
        const inOrder = list.toSorted((a, b) => (a.rev < b.rev ? -1 : 1))
        expect(fold(...inOrder, ...inOrder)).toEqual(fold(...inOrder))
      }),
    )
  })
})

describe('afterErasure', () => {
  test('takes a record from before the erasure for gone, and leaves a later one', () => {
    expect(afterErasure(put('3b', 5), 6)).toEqual(gone('3b'))
    expect(afterErasure(put('3b', 6), 6)).toEqual(put('3b', 6))
    expect(afterErasure(put('3b', 5), UNTOLD_ACCOUNT.erasedUs)).toEqual(put('3b', 5))
  })
})
