import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import type { Ask } from './ask.ts'
import type { Deployment } from './deployment.ts'
import { excerpt, quote } from './excerpt.ts'
import { READERS_SEE } from './readersSee.ts'
import { describeError, isObject, readJson } from './readJson.ts'
import type { JsonObject } from './readJson.ts'
import { notesOf } from './report.ts'
import type { Finding } from './report.ts'

export interface RecordsResult {
  readonly findings: readonly Finding[]
  /** Record keys of the feeds that have a record; undefined when that could not be found out. */
  readonly published: ReadonlySet<string> | undefined
}

export interface RecordsOptions {
  /** Asks a host that a DID document names. */
  readonly ask: Ask
  /** Finds where the repository is. @throws Error saying why not */
  readonly findPds: (did: string) => Promise<string>
}

const note = notesOf('record')
const COLLECTION = 'app.bsky.feed.generator'
/** As many as a feeds file can have, and as many again of other services. */
const MAX_PAGES = 20

/** Compares the records in the publisher's repository with the feeds file. Needs no login. */
export async function checkRecords(
  deployment: Deployment,
  options: RecordsOptions,
): Promise<RecordsResult> {
  const { publisherDid, feeds, allFeeds, serviceDid } = deployment
  const records = await listRecords(publisherDid, options)
  if ('finding' in records) {
    return { findings: [records.finding], published: undefined }
  }
  const findings = feeds.map((feed) => judge(feed, records.byRkey.get(feed.rkey), deployment))
  const orphans = [...records.byRkey].filter(
    ([rkey, record]) =>
      record['did'] === serviceDid && !allFeeds.some((feed) => feed.rkey === rkey),
  )
  for (const [rkey] of feeds.length === allFeeds.length ? orphans : []) {
    findings.push(
      note.warning('it is published as a feed of this service, and feeds.yaml does not have it', {
        feed: excerpt(rkey),
        advice: 'npm run unpublishFeed -- --orphans, or put it back into feeds.yaml',
        readersSee: READERS_SEE.unknown,
      }),
    )
  }
  return { findings, published: new Set(records.byRkey.keys()) }
}

type Records = { byRkey: ReadonlyMap<string, JsonObject> } | { finding: Finding }

async function listRecords(did: string, { ask, findPds }: RecordsOptions): Promise<Records> {
  let pds: string
  try {
    pds = await findPds(did)
  } catch (error) {
    const reason = excerpt(error instanceof Error ? error.message : String(error))
    return {
      finding: note.failure(reason, {
        advice:
          'check FEEDGEN_PUBLISHER_DID, the account that shows the feeds, and that this machine reaches the directory',
      }),
    }
  }
  const byRkey = new Map<string, JsonObject>()
  let cursor = ''
  for (let page = 0; page < MAX_PAGES; page += 1) {
    const search = new URLSearchParams({ repo: did, collection: COLLECTION, limit: '100' })
    if (cursor !== '') {
      search.set('cursor', cursor)
    }
    const answer = await ask(`${pds}/xrpc/com.atproto.repo.listRecords?${search.toString()}`)
    const json = answer.ok && answer.status === 200 ? readJson(answer) : undefined
    if (json?.ok !== true) {
      const reason = answer.ok ? `answers ${describeError(answer)}` : answer.fault.reason
      const message = `the repository of ${did} cannot be read at ${excerpt(pds)}: ${reason}`
      // Readers are not kept from the feeds by it: the AppView has its own copy of the records.
      const advice = 'try again when the PDS of the account is back'
      return { finding: note.warning(message, { advice }) }
    }
    for (const { uri, value } of readList(json.value['records'])) {
      byRkey.set(uri.slice(uri.lastIndexOf('/') + 1), value)
    }
    const next = json.value['cursor']
    if (typeof next !== 'string' || next === '' || next === cursor) {
      break
    }
    cursor = next
  }
  return { byRkey }
}

function readList(records: unknown): { uri: string; value: JsonObject }[] {
  return (Array.isArray(records) ? records : []).flatMap((record) =>
    isObject(record) && typeof record['uri'] === 'string' && isObject(record['value'])
      ? [{ uri: record['uri'], value: record['value'] }]
      : [],
  )
}

function judge(
  feed: FeedDefinition,
  record: JsonObject | undefined,
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
  if (record['did'] !== serviceDid) {
    return note.failure(
      `its record names the service ${quote(record['did'])}, not ${serviceDid}: Bluesky asks there`,
      { feed: rkey, advice: publish, readersSee: READERS_SEE.unknown },
    )
  }
  const stale = [
    ['name', record['displayName'], feed.name],
    ['description', record['description'] ?? '', feed.description],
    ['contentMode', record['contentMode'] !== undefined, feed.contentMode !== undefined],
    [
      'acceptsInteractions',
      record['acceptsInteractions'] ?? false,
      feed.acceptsInteractions ?? false,
    ],
  ].flatMap(([name, published, defined]) => (published === defined ? [] : [name]))
  return stale.length > 0
    ? note.warning(`its record differs from feeds.yaml: ${stale.join(', ')}`, {
        feed: rkey,
        advice: publish,
      })
    : note.ok('it is published for this service', { feed: rkey })
}
