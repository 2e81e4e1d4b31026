import { isObject } from '../../pds/json.ts'
import type { JsonObject } from '../../pds/json.ts'
import { quoteExcerpt } from '../../texts/quote.ts'
import type { Answer, Ask, Reply } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'
import { describeError, readJson } from '../readJson.ts'

const note = notesOf('did')

/** What has to be in the document, and who can mend it. */
interface Expected {
  readonly did: string
  readonly endpoint: string
  readonly source: string
  readonly mend: string
}

/** Reads the DID document of the service as Bluesky does, and names the first thing it stumbles over. */
export async function checkDidDocument(deployment: Deployment, ask: Ask): Promise<Finding[]> {
  const { serviceDid: did, endpoint, baseUrl, plcUrl } = deployment
  const isWeb = did.startsWith('did:web:')
  const source = isWeb ? `${baseUrl}/.well-known/did.json` : `${plcUrl}/${did}`
  const mend = isWeb
    ? 'the service makes this document: restart it with this FEEDGEN_HOSTNAME, and let the TLS proxy pass the path on unchanged'
    : `add a service with id #bsky_fg, type BskyFeedGenerator and endpoint ${endpoint} to ${did}, with the rotation key of that DID`
  return judge(await ask(source), { did, endpoint, source, mend })
}

function judge(answer: Answer, expected: Expected): Finding[] {
  const { did, source, mend } = expected
  const unresolved = (message: string, advice = mend): Finding[] => [
    // The AppView says "could not resolve identity", for which the app has no words of its own.
    note.failure(`${source} ${message}: Bluesky could not resolve identity ${did}`, {
      advice,
      readersSee: READERS_SEE.unknown,
    }),
  ]
  if (!answer.ok) {
    return unresolved(`cannot be read: ${answer.fault.reason}`, answer.fault.advice)
  }
  if (answer.status !== 200) {
    return unresolved(`answers ${describeError(answer)}${hintAt(answer)}`)
  }
  const json = readJson(answer)
  if (!json.ok) {
    return unresolved(json.problem)
  }
  const { id } = json.value
  return id === did
    ? judgeService(json.value, expected)
    : unresolved(`is the document of ${quoteExcerpt(id)}, not of ${did}`)
}

function hintAt({ status }: Reply): string {
  if (status >= 300 && status < 400) {
    return ' (no redirect is followed there)'
  }
  return status === 404 ? ' (there is no DID document)' : ''
}

/** The AppView wants the id, the type and an endpoint, all three exactly. */
function judgeService(document: JsonObject, expected: Expected): Finding[] {
  const { did, endpoint, source, mend } = expected
  const invalid = (message: string): Finding[] => [
    note.failure(`${source}: ${message}: invalid feed generator service details in did document`, {
      advice: mend,
      readersSee: READERS_SEE.misconfigured,
    }),
  ]
  const listed = Array.isArray(document['service']) ? document['service'] : []
  const services = listed.filter(isObject)
  const service = services.find(({ id }) => id === '#bsky_fg' || id === `${did}#bsky_fg`)
  if (service === undefined) {
    const misnamed = services.find(({ type }) => type === 'BskyFeedGenerator')
    return invalid(
      misnamed === undefined
        ? "it has no service '#bsky_fg'"
        : `the id of its service is ${quoteExcerpt(misnamed['id'])}, not '#bsky_fg'`,
    )
  }
  const { type, serviceEndpoint } = service
  if (type !== 'BskyFeedGenerator') {
    return invalid(`the type of '#bsky_fg' is ${quoteExcerpt(type)}, not 'BskyFeedGenerator'`)
  }
  if (typeof serviceEndpoint !== 'string' || URL.parse(serviceEndpoint) === null) {
    return invalid(
      `the serviceEndpoint of '#bsky_fg' is ${quoteExcerpt(serviceEndpoint)}, which is no URL`,
    )
  }
  if (serviceEndpoint.replace(/\/$/u, '') !== endpoint) {
    return [
      note.failure(
        `${source}: the serviceEndpoint is ${quoteExcerpt(serviceEndpoint)}, not ${endpoint}: Bluesky asks there`,
        { advice: mend, readersSee: READERS_SEE.offline },
      ),
    ]
  }
  return [note.ok(`${did} has the service #bsky_fg at ${endpoint}`)]
}
