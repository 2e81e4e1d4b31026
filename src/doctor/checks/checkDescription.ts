import { feedUri } from '../../feeds/registry.ts'
import { isObject } from '../../pds/json.ts'
import type { JsonObject } from '../../pds/json.ts'
import { excerpt, quoteExcerpt } from '../../texts/quote.ts'
import type { Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { describeError, readJson } from '../readJson.ts'

const note = notesOf('describe')
const RESTART = 'restart the service, so that it reads the same .env and feeds.yaml as the doctor'

/** Whether the service says of itself what our settings say of it. */
export async function checkDescription(deployment: Deployment, ask: Ask): Promise<Finding[]> {
  const answer = await ask(`${deployment.baseUrl}/xrpc/app.bsky.feed.describeFeedGenerator`)
  const fail = (problem: string, advice: string): Finding[] => [
    note.failure(`describeFeedGenerator ${problem}`, { advice }),
  ]
  if (!answer.ok) {
    return fail(`gives no answer: ${answer.fault.reason}`, answer.fault.advice)
  }
  if (answer.status !== 200) {
    const advice =
      'check that the TLS proxy passes /xrpc/ on, and that this process has the role serve'
    return fail(`answers ${describeError(answer)}`, advice)
  }
  const json = readJson(answer)
  return json.ok
    ? judge(json.value, deployment)
    : fail(json.problem, 'check that the TLS proxy passes /xrpc/ on to the service')
}

function judge(description: JsonObject, deployment: Deployment): Finding[] {
  const { serviceDid, feeds, allFeeds } = deployment
  if (description['did'] !== serviceDid) {
    return [
      note.failure(`the service is ${quoteExcerpt(description['did'])}, not ${serviceDid}`, {
        advice: `${RESTART}; check that the host name leads to this service`,
      }),
    ]
  }
  const served = readUris(description['feeds'])
  const findings = feeds.flatMap(({ rkey }) => {
    const uri = feedUri(deployment.publisherDid, rkey)
    return served.includes(uri) ? [] : [missing(uri, rkey, served)]
  })
  const known = new Set(allFeeds.map(({ rkey }) => feedUri(deployment.publisherDid, rkey)))
  const extra = served.filter((uri) => !known.has(uri))
  if (extra.length > 0 && findings.length === 0) {
    const list = extra.slice(0, 5).map((uri) => excerpt(uri))
    findings.push(
      note.warning(
        `the service serves ${extra.length} more than feeds.yaml has: ${list.join(', ')}`,
        {
          advice: RESTART,
        },
      ),
    )
  }
  const count = feeds.length === 1 ? 'the feed' : `all ${feeds.length} feeds`
  return findings.length > 0
    ? findings
    : [note.ok(`the service is ${serviceDid} and serves ${count}`)]
}

function readUris(feeds: unknown): string[] {
  return (Array.isArray(feeds) ? feeds : []).flatMap((feed) =>
    isObject(feed) && typeof feed['uri'] === 'string' ? [feed['uri']] : [],
  )
}

function missing(uri: string, rkey: string, served: readonly string[]): Finding {
  const alike = served.find((other) => other.endsWith(`/${rkey}`))
  const message =
    alike === undefined
      ? `the service does not serve ${uri}`
      : `it is served as ${quoteExcerpt(alike)}, not as ${uri}`
  return note.failure(message, { feed: rkey, advice: RESTART })
}
