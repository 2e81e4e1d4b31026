import type { Unkept } from '../../posts/storedCodes.ts'
import type { Frame } from '../stream/streamFrame.ts'
import { decodeEvent } from './decodeEvent.ts'
import type { StreamEvent } from './decodeEvent.ts'
import type { Operation } from './operations.ts'
import { projectEvent } from './projectEvent.ts'
import type { Projection } from './projectEvent.ts'
import { MAX_TAGS } from './readPostFacts.ts'
import type { RejectReason } from './rejectReason.ts'

const REASONS: Readonly<Record<RejectReason, string>> = {
  account: 'account without a boolean active, or of another did',
  binary: 'binary message',
  cid: 'no plausible cid',
  collection: 'collection is no NSID',
  commit: 'commit is no object',
  did: 'did is no DID',
  json: 'not a JSON object',
  operation: 'operation is not create, update or delete',
  record: 'record is no object',
  rev: 'rev is no TID',
  rkey: 'rkey is no record key',
  time: 'time_us is no positive safe integer',
  tooLarge: 'larger than 8 MiB',
  utf8: 'not UTF-8',
}

const UNKEPT: Readonly<Record<Unkept, string>> = {
  reply: 'a reply',
  untagged: 'no tags',
  crowded: `more than ${MAX_TAGS} tags`,
  unnamed: 'no tag that a feed names',
}

/**
 * What ingest makes of a frame, in plain words: the tool for "why is this post not in my feed". `note` is
 * told what the frame changes, since that matters for the frames after it.
 */
export function explainFrame(
  frame: Frame,
  projection: Projection,
  note: (op: Operation) => void,
): string {
  const decoded = decodeEvent(frame)
  if (!decoded.ok) {
    return `rejected: ${REASONS[decoded.reason]}`
  }
  const { event } = decoded
  const op = projectEvent(event, { datedUs: event.timeUs, orderUs: event.timeUs }, projection)
  if (op !== undefined) {
    note(op)
  }
  return explainOperation(op, event)
}

function explainOperation(op: Operation | undefined, event: StreamEvent): string {
  switch (op?.kind) {
    case 'putPost':
      if (op.facts !== undefined) {
        return `kept: ${op.facts.tags.map((tag) => `#${tag}`).join(' ')}`
      }
      return `not kept: ${UNKEPT[op.unkept ?? 'unnamed']}`
    case 'deletePost':
      return 'delete of a post'
    case 'putMark':
      return op.engagement === undefined
        ? `${op.mark} of no post that is kept`
        : `${op.mark} of a post that may be kept`
    case 'deleteMark':
      return `delete of a ${op.mark}`
    case 'setAccount':
      return `account ${op.active ? 'active' : `not active (${op.status ?? 'no reason'})`}`
    case 'setFollow':
      return `${op.subject === undefined ? 'end of a follow' : 'follow'} of a viewer`
    case undefined:
      return `ignored: ${'collection' in event ? event.collection : event.kind}`
  }
}
