import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { PictureBlob } from '../pds/blob.ts'
import type { JsonObject } from '../pds/json.ts'
import { GENERATOR } from '../pds/storedRecord.ts'
import type { StoredRecord } from '../pds/storedRecord.ts'
import { decodeAvatar } from './avatar.ts'
import { diffRecord } from './diffRecord.ts'
import { planPublish } from './planPublish.ts'
import type { PlanOptions } from './planPublish.ts'
import { planUnpublish } from './planUnpublish.ts'
import { OPTIONAL_FIELDS, mergeRecord } from './wantedRecord.ts'
import type { WantedRecord } from './wantedRecord.ts'

const OURS = 'did:web:feed.tagfeed.dev'
const CREATED = '2024-01-01T00:00:00Z'
const OPTIONS: PlanOptions = {
  serviceDid: OURS,
  knownRkeys: new Set(['art']),
  takesOver: false,
  createdAt: '2026-01-01T00:00:00Z',
  cleared: new Set(),
}

function avatarOf(text: string): PictureBlob {
  const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
  const decoded = decodeAvatar(new Uint8Array([...signature, ...Buffer.from(text)]))
  if (typeof decoded === 'string') {
    throw new TypeError(decoded)
  }
  return decoded
}

function wantedOf(fields: JsonObject = {}, avatar?: PictureBlob): WantedRecord {
  const picture: JsonObject = avatar === undefined ? {} : { avatar: avatar.blob }
  return { rkey: 'art', avatar, fields: { did: OURS, displayName: 'Art', ...picture, ...fields } }
}

function storedOf(value: JsonObject = {}, rkey = 'art'): StoredRecord {
  const record = { $type: GENERATOR, did: OURS, displayName: 'Art', createdAt: CREATED, ...value }
  return { rkey, cid: `cid-of-${rkey}`, value: record }
}

function planOne(wanted: WantedRecord, stored: StoredRecord[], options?: Partial<PlanOptions>) {
  return planPublish([wanted], stored, { ...OPTIONS, ...options }).steps[0]
}

describe('a plan', () => {
  test('creates a record with its date', () => {
    expect(planOne(wantedOf(), [])).toMatchObject({
      kind: 'create',
      currentCid: undefined,
      record: { $type: GENERATOR, did: OURS, displayName: 'Art', createdAt: OPTIONS.createdAt },
    })
  })

  test('leaves a record alone that is as it should be, whatever else is in it', () => {
    const stored = storedOf({ labels: { values: [] }, description: 'kept' })
    expect(planOne(wantedOf(), [stored])).toEqual({
      kind: 'unchanged',
      rkey: 'art',
      cid: 'cid-of-art',
    })
  })

  test('stands on the record that it has seen, and names the fields that differ', () => {
    const step = planOne(wantedOf({ description: 'Pictures' }), [storedOf({ displayName: 'Old' })])
    expect(step).toMatchObject({
      kind: 'update',
      currentCid: 'cid-of-art',
      changes: [
        { field: 'displayName', before: 'Old', after: 'Art' },
        { field: 'description', before: undefined, after: 'Pictures' },
      ],
    })
  })

  test('uploads a picture that the record does not have, and keeps one that it has', () => {
    const [cat, dog] = [avatarOf('cat'), avatarOf('dog')]
    expect(planOne(wantedOf({}, cat), [storedOf()])).toMatchObject({ upload: cat })
    expect(planOne(wantedOf({}, dog), [storedOf({ avatar: cat.blob })])).toMatchObject({
      upload: dog,
    })
    const renamed = planOne(wantedOf({ displayName: 'A' }, cat), [storedOf({ avatar: cat.blob })])
    expect(renamed).toMatchObject({ kind: 'update', upload: undefined })
    const legacy = { cid: cat.cid, mimeType: 'image/png' }
    expect(planOne(wantedOf({}, cat), [storedOf({ avatar: legacy })])).toMatchObject({
      kind: 'unchanged',
    })
  })

  test.each([
    ['another service', { did: 'did:web:other.dev' }, /another service \(did:web:other\.dev\)/u],
    ['nobody', { did: 7 }, /does not name/u],
    ['no feed', { $type: 'app.bsky.feed.post' }, /no feed/u],
  ])('refuses the record key of %s, unless told to take it over', (_name, value, reason) => {
    const stored = [storedOf(value)]
    expect(planOne(wantedOf(), stored)).toMatchObject({
      kind: 'refused',
      reason: expect.stringMatching(reason),
    })
    expect(planOne(wantedOf(), stored, { takesOver: true })).toMatchObject({
      kind: 'update',
      record: { $type: GENERATOR, did: OURS, createdAt: CREATED },
    })
  })

  test('refuses what the lexicon does not allow, also where others wrote it', () => {
    const long = planOne(wantedOf({ displayName: 'x'.repeat(25) }), [])
    expect(long).toMatchObject({ kind: 'refused', reason: expect.stringMatching(/grapheme/u) })
    const bad = planOne(wantedOf({ displayName: 'New' }), [storedOf({ labels: 5 })])
    expect(bad).toMatchObject({ kind: 'refused' })
  })

  test('takes the facets of a description that changes with it, and keeps those of one that stays', () => {
    const facets = [{ index: { byteStart: 0, byteEnd: 3 }, features: [] }]
    const stored = storedOf({ description: 'old', descriptionFacets: facets })
    const step = planOne(wantedOf({ description: 'new' }), [stored])
    expect(step).toMatchObject({
      changes: [
        { field: 'description', before: 'old', after: 'new' },
        { field: 'descriptionFacets', before: facets, after: undefined },
      ],
      notes: [expect.stringMatching(/^descriptionFacets .* go:/u)],
    })
    expect(step).not.toHaveProperty('record.descriptionFacets')
    expect(planOne(wantedOf({ description: 'old' }), [stored])).toMatchObject({ kind: 'unchanged' })
    expect(planOne(wantedOf(), [stored])).toMatchObject({ kind: 'unchanged' })
    const cleared = planOne(wantedOf(), [stored], { cleared: new Set(['description']) })
    expect(cleared).not.toHaveProperty('record.descriptionFacets')
    // Left behind by a text that was longer.
    const beyond = [{ index: { byteStart: 0, byteEnd: 4 }, features: [] }]
    const broken = storedOf({ description: 'old', descriptionFacets: beyond })
    expect(planOne(wantedOf({ description: 'old' }), [broken])).toMatchObject({
      changes: [{ field: 'descriptionFacets', after: undefined }],
    })
  })

  test('finds orphans among the records of this service alone', () => {
    const stored = [
      storedOf(),
      storedOf({}, 'old'),
      storedOf({ did: 'did:web:other.dev' }, 'theirs'),
    ]
    const { orphans } = planPublish([wantedOf()], stored, OPTIONS)
    expect(orphans.map(({ rkey }) => rkey)).toEqual(['old'])
    expect(planUnpublish('orphans', stored, OPTIONS).records).toEqual(orphans)
  })
})

describe('a plan to unpublish', () => {
  test('takes each record key once, and says why one cannot go', () => {
    const stored = [storedOf(), storedOf({ did: 'did:web:other.dev' }, 'theirs')]
    const plan = planUnpublish(['art', 'art', 'theirs', 'none'], stored, OPTIONS)
    expect(plan.records).toEqual([stored[0]])
    expect(plan.problems).toEqual([
      expect.stringMatching(/^theirs is a feed of another service/u),
      'none: the repository has no such feed; it has: art, theirs',
    ])
  })
})

describe('merging', () => {
  const json = fc
    .dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true })
    .map((value) => value as JsonObject)

  test('keeps every field that is not given, changes those that are, and does both once', () => {
    fc.assert(
      fc.property(json, json, (current, fields) => {
        const wanted = { rkey: 'art', avatar: undefined, fields }
        const merged = mergeRecord(current, wanted, OPTIONS)
        expect(merged).toMatchObject({ ...current, ...fields, $type: GENERATOR })
        expect(diffRecord(merged, mergeRecord(merged, wanted, OPTIONS))).toEqual([])
      }),
    )
  })

  test('shows as a difference exactly what makes one record of the other', () => {
    fc.assert(
      fc.property(json, json, (before, after) => {
        const patched = new Map(Object.entries(before))
        for (const { field, after: value } of diffRecord(before, after)) {
          if (value === undefined) {
            patched.delete(field)
          } else {
            patched.set(field, value)
          }
        }
        expect(patched).toEqual(new Map(Object.entries(after)))
      }),
    )
  })

  test('takes fields out only when asked, and not those that are given', () => {
    const current = storedOf({ description: 'old', contentMode: 'x', labels: {} }).value
    const cleared = new Set(OPTIONAL_FIELDS)
    const merged = mergeRecord(current, wantedOf({ description: 'new' }), { ...OPTIONS, cleared })
    expect(merged).toEqual(storedOf({ description: 'new', labels: {} }).value)
  })
})
