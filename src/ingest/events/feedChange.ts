import type { StreamFrame } from '../stream/streamFrame.ts'
import type { Projection } from './projectEvent.ts'
import { isPlainMark } from './strangerMark.ts'

/** A larger frame is not looked through: it counts as one that may. */
const MAX_BYTES = 100_000

const POST = '"app.bsky.feed.post"'
const RKEY = /"rkey"\s*:\s*"([^"\\]+)"/
const INACTIVE = /"active"\s*:\s*false/

/**
 * Whether a frame may change which posts a page shows, so that readers should not wait for it. Told from
 * its text, since it only decides how soon a batch closes: a frame for which this says no in error is
 * stored with the next batch all the same. Likes, follows and posts without tags are most of the network
 * and change nothing of a page by themselves.
 */
export function mayChangeFeeds(frame: StreamFrame, { kept }: Pick<Projection, 'kept'>): boolean {
  if (isPlainMark(frame)) {
    return false
  }
  if (frame.to - frame.from > MAX_BYTES) {
    return true
  }
  const text = frame.bytes.toString('latin1', frame.from, frame.to)
  if (!text.includes(POST)) {
    return INACTIVE.test(text)
  }
  if (text.includes('"delete"') || text.includes('"update"')) {
    return kept.mayHave(RKEY.exec(text)?.[1] ?? '')
  }
  return (text.includes('#tag"') || text.includes('"tags"')) && !text.includes('"reply"')
}
