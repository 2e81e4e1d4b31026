import fc from 'fast-check'
import { expect, test } from 'vitest'
import { KeptPosts } from '../memory/keptPosts.ts'
import { KnownRecords } from '../memory/knownRecords.ts'
import { decodeEvent } from './decodeEvent.ts'
import { projectEvent } from './projectEvent.ts'
import { timeOfStrangerMark } from './strangerMark.ts'

const timeUs = 1_779_719_009_157_119
const uri = 'at://did:plc:vfnmgxg2yscfliemmcxzyfyh/app.bsky.feed.post/3mmoodizfwc2j'
const reference = {
  cid: 'bafyreiaxf7tgbfydx3465sckitq6v564thxe2wwydbi7cwxbxvgssje3em',
  uri,
}

function frameOf(
  collection: string,
  { via, isTurned = false }: { via?: true; isTurned?: boolean },
) {
  const subject = isTurned ? { uri, cid: reference.cid } : reference
  const record = {
    $type: collection,
    createdAt: '2026-05-25T14:23:28.778Z',
    subject,
    ...(via && { via: subject }),
  }
  return JSON.stringify({
    did: 'did:plc:aaaaaaaaaaaaaaaaaaaaaaaa',
    time_us: timeUs,
    kind: 'commit',
    commit: {
      rev: '3mmoojp7vgo2g',
      operation: 'create',
      collection,
      rkey: '3mmoojp7etg2g',
      record,
      cid: 'bafyreidqpc7si3dbimffi64lz3xsx2qt45ip7rpna2qpslcddp23itjjzm',
    },
  })
}

const PLAIN = ['app.bsky.feed.like', 'app.bsky.feed.repost'].flatMap((collection) =>
  [{}, { via: true as const }, { isTurned: true }, { via: true as const, isTurned: true }].map(
    (form) => frameOf(collection, form),
  ),
)

function memory() {
  return { kept: new KeptPosts(), known: KnownRecords.ofNothing() }
}

function timeOf(text: string | Buffer, { kept, known } = memory()): number | undefined {
  // In the middle of what was read: nothing beyond its ends is looked at.
  const bytes = Buffer.concat([Buffer.from('before{'), Buffer.from(text), Buffer.from('}after')])
  const place = { from: 7, to: bytes.length - 6 }
  return timeOfStrangerMark({ bytes, ...place, isBinary: false }, { kept, known })
}

test.each(PLAIN)('knows a mark as the stream writes it: %s', (text) => {
  expect(timeOf(text)).toBe(timeUs)
})

test.each(PLAIN)('leaves a mark of a post that may be kept to others: %s', (text) => {
  const { kept, known } = memory()
  kept.add('3mmoodizfwc2j')
  expect(timeOf(text, { kept, known })).toBeUndefined()
})

test.each(PLAIN)('leaves a mark that may have been for another post to others: %s', (text) => {
  const { kept, known } = memory()
  known.add(/"rkey":"(\w+)"/.exec(text)?.[1] ?? '')
  expect(timeOf(text, { kept, known })).toBeUndefined()
})

test.each(['delete', 'update'])('leaves a mark with the operation %s to others', (operation) => {
  expect(timeOf((PLAIN[0] ?? '').replace('create', operation))).toBeUndefined()
})

test('leaves a binary message to others', () => {
  const bytes = Buffer.from(PLAIN[0] ?? '')
  const frame = { bytes, from: 0, to: bytes.length, isBinary: true }
  expect(timeOfStrangerMark(frame, memory())).toBeUndefined()
})

/** Bytes and texts that a frame may be spoilt with: of JSON, of the names in it, of no text at all. */
const spoil = fc.oneof(
  fc.uint8Array({ maxLength: 3 }),
  fc
    .constantFrom(
      '"',
      '\\',
      '\\u0000',
      ',',
      '}',
      '{',
      ':',
      '9',
      '0',
      'A',
      ' ',
      '\n',
      '\t',
      '😀',
      'é',
    )
    .map((text) => Buffer.from(text)),
  fc
    .constantFrom('"uri":"x",', '"operation":"delete",', '"time_us":1,', '"record":{},', 'null')
    .map((text) => Buffer.from(text)),
)

function spoiled(text: string, places: readonly (readonly [number, number, Uint8Array])[]): Buffer {
  let data = Buffer.from(text)
  for (const [place, length, put] of places) {
    const at = place % data.length
    data = Buffer.concat([data.subarray(0, at), put, data.subarray(at + length)])
  }
  return data
}

function isStrangerFor(
  data: Buffer,
  { kept, known }: ReturnType<typeof memory>,
  found: number,
): boolean {
  const decoded = decodeEvent({ data, isBinary: false })
  const times = { datedUs: found, orderUs: found }
  return (
    decoded.ok &&
    decoded.event.kind === 'put' &&
    decoded.event.timeUs === found &&
    projectEvent(decoded.event, times, { keepTag: () => true, kept, known }) === undefined
  )
}

test('says of no frame what the decoder would not say of it', () => {
  let strangers = 0
  const places = fc.array(fc.tuple(fc.nat(), fc.nat({ max: 3 }), spoil), { maxLength: 3 })
  const isRight = fc.property(fc.constantFrom(...PLAIN), places, (text, changes) => {
    const [data, knowledge] = [spoiled(text, changes), memory()]
    const found = timeOf(data, knowledge)
    strangers += Number(found !== undefined)
    return found === undefined || isStrangerFor(data, knowledge, found)
  })
  fc.assert(isRight, { numRuns: 3_000 })
  expect(strangers).toBeGreaterThan(300)
})
