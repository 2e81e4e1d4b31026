import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import { PdsError } from '../../pds/pdsError.ts'
import type { StoredRecord } from '../../pds/storedRecord.ts'
import { diffRecord } from '../../publish/diffRecord.ts'
import { findOrphans, findOtherOwner } from '../../publish/planPublish.ts'
import { mergeRecord, wantedRecord } from '../../publish/wantedRecord.ts'
import { excerpt } from '../../texts/quote.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'

export interface RecordsResult {
  readonly findings: readonly Finding[]
  /** Record keys of the feeds that have a record; undefined when that could not be found out. */
  readonly published: ReadonlySet<string> | undefined
}

/** Lists the records of feeds of an account. @throws Error saying why not */
export type ListRecords = (publisherDid: string) => Promise<readonly StoredRecord[]>

const note = notesOf('record')

/** Compares the records in the publisher's repository with the feeds file. Needs no login. */
export async function checkRecords(
  deployment: Deployment,
  listRecords: ListRecords,
): Promise<RecordsResult> {
  const { publisherDid, feeds, allFeeds, serviceDid } = deployment
  let records: readonly StoredRecord[]
  try {
    records = await listRecords(publisherDid)
  } catch (error) {
    return { findings: [explain(error)], published: undefined }
  }
  const byRkey = new Map(records.map((record) => [record.rkey, record]))
  const findings = feeds.map((feed) => judge(feed, byRkey.get(feed.rkey), deployment))
  const knownRkeys = new Set(allFeeds.map(({ rkey }) => rkey))
  const isWhole = feeds.length === allFeeds.length
  for (const { rkey } of isWhole ? findOrphans(records, { serviceDid, knownRkeys }) : []) {
    findings.push(
      note.warning('it is published as a feed of this service, and feeds.yaml does not have it', {
        feed: excerpt(rkey),
        advice: 'npm run unpublishFeed -- --orphans, or put it back into feeds.yaml',
        readersSee: READERS_SEE.unknown,
      }),
    )
  }
  return { findings, published: new Set(byRkey.keys()) }
}

function explain(error: unknown): Finding {
  const reason = excerpt(error instanceof Error ? error.message : String(error))
  const isAway =
    error instanceof PdsError &&
    (error.status === undefined || [429, 500].includes(error.status) || error.status > 500)
  // Readers are not kept from the feeds by a PDS that is away: the AppView has its own copy of the records.
  return isAway
    ? note.warning(`the repository cannot be read: ${reason}`, {
        advice: 'run the doctor again later',
      })
    : note.failure(reason, {
        advice:
          'check FEEDGEN_PUBLISHER_DID, the account that shows the feeds, and that this machine reaches the directory',
      })
}

function judge(
  feed: FeedDefinition,
  record: StoredRecord | undefined,
  { serviceDid, publisherDid }: Deployment,
): Finding {
  const { rkey } = feed
  const publish = `npm run publishFeed -- --only ${rkey}`
  if (record === undefined) {
    return note.failure(`it is not published: ${publisherDid} has no record of it`, {
      feed: rkey,
      advice: publish,
      readersSee: READERS_SEE.missing,
    })
  }
  const owner = findOtherOwner(record.value, serviceDid)
  if (owner !== undefined) {
    const message = `its record is ${excerpt(owner)}, not of ${serviceDid}: Bluesky asks there`
    const advice = `${publish} --take-over, if that was this service before`
    return note.failure(message, { feed: rkey, advice, readersSee: READERS_SEE.unknown })
  }
  // What publishing would change; the picture alone is not looked at.
  const wanted = wantedRecord(feed, serviceDid, undefined)
  const merged = mergeRecord(record.value, wanted, { createdAt: '', cleared: new Set() })
  const fields = diffRecord(record.value, merged).map(({ field }) => field)
  return fields.length > 0
    ? note.warning(`its record differs from feeds.yaml: ${fields.join(', ')}`, {
        feed: rkey,
        advice: publish,
      })
    : note.ok('it is published for this service', { feed: rkey })
}
