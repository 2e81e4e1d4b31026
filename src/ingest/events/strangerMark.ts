import type { Us } from '../../time.ts'
import type { StreamFrame } from '../stream/streamFrame.ts'
import type { Projection } from './projectEvent.ts'

/** Printable ASCII that stands for itself in JSON. */
const TEXT = '[ !#-\\[\\]-~]*'
const DID = '"did":"did:plc:[a-z2-7]{24}"'
const HEAD = `\\{${DID},"time_us":[1-8][0-9]{15},"kind":"commit","commit":\\{"rev":"[2-7a-j][2-7a-z]{12}"`
const KIND = '"operation":"create","collection":"app\\.bsky\\.feed\\.(?:like|repost)"'
const reference = (uri: string): string =>
  `\\{(?:"cid":"${TEXT}",)?"uri":"${uri}"(?:,"cid":"${TEXT}")?\\}`
const RECORD = `\\{"\\$type":"${TEXT}","createdAt":"${TEXT}","subject":${reference(`(${TEXT})`)}(?:,"via":${reference(TEXT)})?\\}`
const TAIL = '"cid":"[a-zA-Z0-9]{8,256}"\\}\\}'

/** A like or repost as Jetstream writes nearly all of them; every field within what `decodeEvent` takes. */
const PLAIN_MARK = new RegExp(`^${HEAD},${KIND},"rkey":"[2-7a-z]{13}","record":${RECORD},${TAIL}$`)

const TIME_AT = '{"did":"did:plc:","time_us":'.length + 24
const TIME_LENGTH = 16
/** Where the collection tells likes and reposts from others: all before it has a fixed length. */
const KIND_AT =
  TIME_AT +
  TIME_LENGTH +
  ',"kind":"commit","commit":{"rev":"","operation":"create","collection":"app.bsky.feed.'.length +
  13
const LIKE = 'l'.charCodeAt(0)
const REPOST = 'r'.charCodeAt(0)
const RKEY_AT = {
  like: KIND_AT + 'like","rkey":"'.length,
  repost: KIND_AT + 'repost","rkey":"'.length,
}
const RKEY_LENGTH = 13

const MAX_BYTES = 2_000

/**
 * The time of a new like or repost that surely changes nothing: its post is not kept, and nothing is
 * stored of its record. It is told from the text alone: four of five frames of the network are such, and
 * need no JSON. Undefined for all other frames and for those that are written in any other way:
 * `decodeEvent` and `projectEvent` decide then, and would have said the same here.
 */
export function timeOfStrangerMark(
  { bytes, from, to, isBinary }: Omit<StreamFrame, 'data' | 'connection'>,
  { kept, known }: Pick<Projection, 'kept' | 'known'>,
): Us | undefined {
  if (!isPlainMark({ bytes, from }) || isBinary || to - from > MAX_BYTES) {
    return undefined
  }
  const letter = bytes[from + KIND_AT]
  const text = bytes.toString('latin1', from, to)
  // What has a fixed place is read there: to capture it costs more than to match all of it.
  const uri = PLAIN_MARK.exec(text)?.[1]
  if (uri === undefined || kept.mayHave(uri)) {
    return undefined
  }
  const rkeyAt = letter === LIKE ? RKEY_AT.like : RKEY_AT.repost
  return known.mayHave(text, rkeyAt, rkeyAt + RKEY_LENGTH) ? undefined : readTime(text)
}

/** Whether a frame is, by the place of one letter, a like or repost as Jetstream writes nearly all of them. */
export function isPlainMark({ bytes, from }: Pick<StreamFrame, 'bytes' | 'from'>): boolean {
  const letter = bytes[from + KIND_AT]
  return letter === LIKE || letter === REPOST
}

function readTime(text: string): Us {
  let timeUs = 0
  for (let index = TIME_AT; index < TIME_AT + TIME_LENGTH; index += 1) {
    timeUs = timeUs * 10 + (text.charCodeAt(index) - 48)
  }
  return timeUs
}
