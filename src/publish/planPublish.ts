/**
 * What publishing will do, decided before anything is sent: a pure function of the feeds file and of the
 * repository. One refused step refuses the plan, so that a run does all of it or says why not.
 */
import type { PictureBlob } from '../pds/blob.ts'
import { cidOfBlob } from '../pds/json.ts'
import type { JsonObject } from '../pds/json.ts'
import { GENERATOR } from '../pds/storedRecord.ts'
import type { StoredRecord } from '../pds/storedRecord.ts'
import { diffRecord } from './diffRecord.ts'
import type { Change } from './diffRecord.ts'
import { findRecordFault } from './findRecordFault.ts'
import { OPTIONAL_FIELDS, mergeRecord } from './wantedRecord.ts'
import type { MergeOptions, WantedRecord } from './wantedRecord.ts'

/** A record to write. */
export interface WriteStep {
  readonly kind: 'create' | 'update'
  readonly rkey: string
  readonly record: JsonObject
  /** What it stands on: the write fails when the repository has another one, or one at all. */
  readonly currentCid: string | undefined
  readonly changes: readonly Change[]
  /** To be uploaded first: the repository does not have it yet. */
  readonly upload: PictureBlob | undefined
  /** What a reader of the plan should know. */
  readonly notes: readonly string[]
}

export type Step =
  | WriteStep
  | { readonly kind: 'unchanged'; readonly rkey: string; readonly cid: string }
  | { readonly kind: 'refused'; readonly rkey: string; readonly reason: string }

export interface Plan {
  readonly steps: readonly Step[]
  /** Records of this service that the feeds file does not have. */
  readonly orphans: readonly StoredRecord[]
}

export interface PlanOptions extends MergeOptions {
  readonly serviceDid: string
  /** The record keys of the whole feeds file, of which `wanted` may be a part. */
  readonly knownRkeys: ReadonlySet<string>
  /** Overwrites records that belong to another service. */
  readonly takesOver: boolean
}

/** Plans a step for each wanted record, in their order. */
export function planPublish(
  wanted: readonly WantedRecord[],
  stored: readonly StoredRecord[],
  options: PlanOptions,
): Plan {
  const byRkey = new Map(stored.map((record) => [record.rkey, record]))
  return {
    steps: wanted.map((record) => planStep(record, byRkey.get(record.rkey), options)),
    orphans: findOrphans(stored, options),
  }
}

/** The records of this service that its feeds file does not have. */
export function findOrphans(
  stored: readonly StoredRecord[],
  { serviceDid, knownRkeys }: Pick<PlanOptions, 'serviceDid' | 'knownRkeys'>,
): StoredRecord[] {
  return stored.filter(({ rkey, value }) => value['did'] === serviceDid && !knownRkeys.has(rkey))
}

function planStep(
  wanted: WantedRecord,
  current: StoredRecord | undefined,
  options: PlanOptions,
): Step {
  const { rkey } = wanted
  const owner = current && findOtherOwner(current.value, options.serviceDid)
  if (owner !== undefined && !options.takesOver) {
    const reason =
      `${owner} has this record key: choose another rkey, or give --take-over to make the record one of ` +
      options.serviceDid
    return { kind: 'refused', rkey, reason }
  }
  const record = mergeRecord(current?.value, wanted, options)
  const changes = diffRecord(current?.value ?? {}, record)
  if (current !== undefined && changes.length === 0) {
    return { kind: 'unchanged', rkey, cid: current.cid }
  }
  const fault = findRecordFault(rkey, record)
  if (fault !== undefined) {
    return { kind: 'refused', rkey, reason: `no feed can have such a record: ${fault}` }
  }
  const isNewAvatar = cidOfBlob(current?.value['avatar']) !== wanted.avatar?.cid
  return {
    kind: current === undefined ? 'create' : 'update',
    rkey,
    record,
    currentCid: current?.cid,
    changes,
    upload: isNewAvatar ? wanted.avatar : undefined,
    notes: current === undefined ? [] : findNotes(record, wanted, changes),
  }
}

/** Who else a record belongs to, as the beginning of a sentence; undefined when it is this service's. */
export function findOtherOwner(value: JsonObject, serviceDid: string): string | undefined {
  if (value['$type'] !== GENERATOR) {
    return 'a record that is no feed'
  }
  const { did } = value
  return did === serviceDid
    ? undefined
    : `a feed of another service (${typeof did === 'string' ? did.slice(0, 100) : 'which it does not name'})`
}

function findNotes(
  record: JsonObject,
  { fields }: WantedRecord,
  changes: readonly Change[],
): string[] {
  const kept = OPTIONAL_FIELDS.filter(
    (field) => Object.hasOwn(record, field) && !Object.hasOwn(fields, field),
  )
  const facets = changes.find(({ field }) => field === 'descriptionFacets')
  return [
    ...(kept.length === 0
      ? []
      : [`kept, because the feeds file does not give it: ${kept.join(', ')}`]),
    ...(facets !== undefined && facets.after === undefined
      ? [
          'descriptionFacets (links and mentions) go: they belong to another text than the description',
        ]
      : []),
  ]
}
