import type { Us } from '../time.ts'
import type { Frame } from './decodeEvent.ts'
import type { Projection } from './projectEvent.ts'

/** Printable ASCII that stands for itself in JSON. */
const TEXT = '[ !#-\\[\\]-~]*'
const DID = '"did":"did:plc:[a-z2-7]{24}"'
const HEAD = `\\{${DID},"time_us":([1-8][0-9]{15}),"kind":"commit","commit":\\{"rev":"[2-7a-j][2-7a-z]{12}"`
const KIND = '"operation":"create","collection":"app\\.bsky\\.feed\\.(?:like|repost)"'
const reference = (uri: string): string =>
  `\\{(?:"cid":"${TEXT}",)?"uri":"${uri}"(?:,"cid":"${TEXT}")?\\}`
const RECORD = `\\{"\\$type":"${TEXT}","createdAt":"${TEXT}","subject":${reference(`(${TEXT})`)}(?:,"via":${reference(TEXT)})?\\}`
const TAIL = '"cid":"[a-zA-Z0-9]{8,256}"\\}\\}'

/** A like or repost as Jetstream writes nearly all of them; every field within what `decodeEvent` takes. */
const PLAIN_MARK = new RegExp(
  `^${HEAD},${KIND},"rkey":"([2-7a-z]{13})","record":${RECORD},${TAIL}$`,
)

/** Where the collection tells likes and reposts from others: all before it has a fixed length. */
const KIND_AT =
  '{"did":"did:plc:","time_us":,"kind":"commit","commit":{"rev":"","operation":"create","collection":"app.bsky.feed.'
    .length +
  24 +
  16 +
  13
const LIKE = 'l'.charCodeAt(0)
const REPOST = 'r'.charCodeAt(0)

const MAX_BYTES = 2_000

/**
 * The time of a new like or repost of a post that is surely not kept, told from its text alone: four of
 * five frames of the network are such, and need no JSON for changing nothing. Undefined for all other
 * frames and for those that are written in any other way: `decodeEvent` and `projectEvent` decide then,
 * and would have said the same here.
 */
export function timeOfStrangerMark(
  { data, isBinary }: Frame,
  { kept, known }: Pick<Projection, 'kept' | 'known'>,
): Us | undefined {
  const letter = data[KIND_AT]
  if ((letter !== LIKE && letter !== REPOST) || isBinary || data.length > MAX_BYTES) {
    return undefined
  }
  const found = PLAIN_MARK.exec(data.toString('latin1'))
  if (found === null) {
    return undefined
  }
  const [, timeUs = '', rkey = '', uri = ''] = found
  return kept.mayHave(uri) || known.mayHave(rkey) ? undefined : Number(timeUs)
}
