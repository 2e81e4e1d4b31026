import { isUtf8 } from 'node:buffer'
import { isValidDid, isValidNsid, isValidRecordKey, isValidTid } from '@atproto/syntax'
import type { Us } from '../../time.ts'
import { MAX_FRAME_BYTES } from '../stream/streamFrame.ts'
import type { Frame } from '../stream/streamFrame.ts'
import type { RejectReason } from './rejectReason.ts'

type Json = Readonly<Record<string, unknown>>

export type StreamEvent =
  | {
      readonly kind: 'put'
      readonly did: string
      readonly timeUs: Us
      readonly collection: string
      readonly rkey: string
      readonly rev: string
      readonly cid: string
      readonly record: Json
      readonly isUpdate: boolean
    }
  | {
      readonly kind: 'delete'
      readonly did: string
      readonly timeUs: Us
      readonly collection: string
      readonly rkey: string
      readonly rev: string
    }
  | {
      readonly kind: 'account'
      readonly did: string
      readonly timeUs: Us
      readonly active: boolean
      readonly status: string | undefined
      /** The account's own time, unchecked. */
      readonly time: unknown
    }
  | { readonly kind: 'identity'; readonly did: string; readonly timeUs: Us }
  | { readonly kind: 'unknown'; readonly did: string; readonly timeUs: Us }

/** `timeUs` of a rejected frame is there when the frame had a readable time. */
export type Decoded =
  | { readonly ok: true; readonly event: StreamEvent }
  | { readonly ok: false; readonly reason: RejectReason; readonly timeUs: Us | undefined }

const CID = /^[a-zA-Z0-9]{8,256}$/
const STATUS = /^[a-zA-Z0-9_.-]{1,64}$/

/** Reads one frame of the v1 wire. Never throws; checks everything that the store relies on. */
export function decodeEvent({ data, isBinary }: Frame): Decoded {
  if (data.length > MAX_FRAME_BYTES) {
    return rejected('tooLarge')
  }
  if (isBinary) {
    return rejected('binary')
  }
  if (!isUtf8(data)) {
    return rejected('utf8')
  }
  let value: unknown
  try {
    value = JSON.parse(data.toString('utf8'))
  } catch {
    return rejected('json')
  }
  return isObject(value) ? decodeObject(value) : rejected('json')
}

function decodeObject(value: Json): Decoded {
  const timeUs = value['time_us']
  if (!isPositiveInteger(timeUs)) {
    return rejected('time')
  }
  const did = value['did']
  if (!isValidDid(did)) {
    return rejected('did', timeUs)
  }
  switch (value['kind']) {
    case 'commit':
      return decodeCommit(did, timeUs, value['commit'])
    case 'account':
      return decodeAccount(did, timeUs, value['account'])
    case 'identity':
      return { ok: true, event: { kind: 'identity', did, timeUs } }
    default:
      return { ok: true, event: { kind: 'unknown', did, timeUs } }
  }
}

function decodeCommit(did: string, timeUs: Us, commit: unknown): Decoded {
  if (!isObject(commit)) {
    return rejected('commit', timeUs)
  }
  const { operation, collection, rkey, rev, cid, record } = commit
  if (operation !== 'create' && operation !== 'update' && operation !== 'delete') {
    return rejected('operation', timeUs)
  }
  if (typeof collection !== 'string' || !isKnownNsid(collection)) {
    return rejected('collection', timeUs)
  }
  if (!isValidRecordKey(rkey)) {
    return rejected('rkey', timeUs)
  }
  if (!isValidTid(rev)) {
    return rejected('rev', timeUs)
  }
  if (operation === 'delete') {
    return { ok: true, event: { kind: 'delete', did, timeUs, collection, rkey, rev } }
  }
  if (!isObject(record)) {
    return rejected('record', timeUs)
  }
  if (typeof cid !== 'string' || !CID.test(cid)) {
    return rejected('cid', timeUs)
  }
  const isUpdate = operation === 'update'
  const event = { kind: 'put' as const, did, timeUs, collection, rkey, rev, cid, record, isUpdate }
  return { ok: true, event }
}

function decodeAccount(did: string, timeUs: Us, account: unknown): Decoded {
  if (!isObject(account) || typeof account['active'] !== 'boolean' || account['did'] !== did) {
    return rejected('account', timeUs)
  }
  const { active, status, time } = account
  return {
    ok: true,
    event: {
      kind: 'account',
      did,
      timeUs,
      active,
      status: typeof status === 'string' && STATUS.test(status) ? status : undefined,
      time,
    },
  }
}

// Nearly every frame names one of a few collections, and the check of a name is not cheap.
const KNOWN_LIMIT = 1_000
const knownNsids = new Set<string>()

function isKnownNsid(collection: string): boolean {
  if (knownNsids.has(collection)) {
    return true
  }
  if (!isValidNsid(collection)) {
    return false
  }
  if (knownNsids.size < KNOWN_LIMIT) {
    knownNsids.add(collection)
  }
  return true
}

function rejected(reason: RejectReason, timeUs?: Us): Decoded {
  return { ok: false, reason, timeUs }
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isPositiveInteger(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}
