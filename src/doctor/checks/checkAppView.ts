import { feedUri } from '../../feeds/registry.ts'
import { isObject } from '../../pds/json.ts'
import type { JsonObject } from '../../pds/json.ts'
import { countOf } from '../../texts/countOf.ts'
import { quoteExcerpt } from '../../texts/quote.ts'
import type { Answer, Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { inParallel } from '../inParallel.ts'
import { READERS_SEE, wordsFor } from '../readersSee.ts'
import { describeError, readJson } from '../readJson.ts'

export interface AppViewResult {
  readonly findings: readonly Finding[]
  /** How far its clock is ahead of ours; undefined when it could not be asked. */
  readonly aheadMs: number | undefined
}

export interface AppViewOptions {
  /** Record keys of the feeds that have a record; undefined when that is not known. */
  readonly published: ReadonlySet<string> | undefined
  /** Record keys of the feeds whose first page has posts. */
  readonly filled: ReadonlySet<string>
}

const note = notesOf('appview')

/** Asks the AppView what it shows readers, who are not signed in. */
export async function checkAppView(
  deployment: Deployment,
  ask: Ask,
  { published, filled }: AppViewOptions,
): Promise<AppViewResult> {
  const { appViewUrl, feeds } = deployment
  if (appViewUrl === undefined) {
    const message =
      'no AppView knows of a service that only this machine or a local network can reach'
    const advice = '--appview URL asks that of a local network'
    return { findings: [note.skipped(message, { advice })], aheadMs: undefined }
  }
  const sign = await ask(`${appViewUrl}/xrpc/_health`)
  if (!sign.ok) {
    const message = `${appViewUrl} could not be asked: ${sign.fault.reason}`
    const advice = 'open a feed in the app to see what readers see, or try again later'
    return { findings: [note.warning(message, { advice })], aheadMs: undefined }
  }
  const findings = await inParallel(feeds, async ({ rkey }): Promise<Finding> => {
    if (published?.has(rkey) === false) {
      return note.skipped('it is not published', { feed: rkey })
    }
    const query = new URLSearchParams({ feed: feedUri(deployment.publisherDid, rkey) }).toString()
    const view = await ask(`${appViewUrl}/xrpc/app.bsky.feed.getFeedGenerator?${query}`)
    const found = judgeGenerator(view, rkey, deployment)
    if (found !== undefined) {
      return found
    }
    const page = await ask(`${appViewUrl}/xrpc/app.bsky.feed.getFeed?${query}&limit=30`)
    return judgeFeed(page, rkey, filled.has(rkey))
  })
  return { findings, aheadMs: sign.aheadMs }
}

/** Undefined when the AppView knows the feed and has nothing against it. */
function judgeGenerator(
  answer: Answer,
  feed: string,
  { serviceDid }: Deployment,
): Finding | undefined {
  const { said, finding } = readAnswer(answer, feed)
  if (finding !== undefined) {
    return finding
  }
  const { isOnline, isValid, view } = said
  if (isOnline !== true || isValid !== true) {
    const words = isOnline === true ? 'is not valid' : 'is offline'
    const flags = `isOnline ${quoteExcerpt(isOnline)}, isValid ${quoteExcerpt(isValid)}`
    return note.failure(`the AppView says that the feed ${words} (${flags})`, {
      feed,
      advice: 'mend what fails above; the AppView asks the service again by itself',
      readersSee: isOnline === true ? READERS_SEE.misconfigured : READERS_SEE.offline,
    })
  }
  const did = isObject(view) ? view['did'] : undefined
  return did === serviceDid
    ? undefined
    : note.failure(`the AppView asks the service ${quoteExcerpt(did)}, not ${serviceDid}`, {
        feed,
        advice: `npm run publishFeed -- --only ${feed} --take-over, then wait a minute`,
        readersSee: READERS_SEE.unknown,
      })
}

function judgeFeed(answer: Answer, feed: string, isFilled: boolean): Finding {
  const { said, finding } = readAnswer(answer, feed)
  if (finding !== undefined) {
    return finding
  }
  const count = Array.isArray(said['feed']) ? said['feed'].length : 0
  if (count === 0 && isFilled) {
    return note.warning('the AppView shows no posts, and the service has some', {
      feed,
      advice:
        'their authors may be hidden from readers who are not signed in: look at it in the app',
      readersSee: READERS_SEE.empty,
    })
  }
  return note.ok(`readers see it, with ${countOf(count, 'post')} on the first page`, { feed })
}

/** What it answers, or what has to be said instead. */
type Said =
  | { readonly said: JsonObject; readonly finding?: undefined }
  | { readonly said?: undefined; readonly finding: Finding }

function readAnswer(answer: Answer, feed: string): Said {
  const unasked = (reason: string): Said => ({
    finding: note.warning(`the AppView could not be asked: ${reason}`, {
      feed,
      advice: 'try again later',
    }),
  })
  if (!answer.ok) {
    return unasked(answer.fault.reason)
  }
  const json = readJson(answer)
  if (!json.ok) {
    return unasked(`its answer (HTTP ${answer.status}) ${json.problem}`)
  }
  if (answer.status === 200) {
    return { said: json.value }
  }
  const { message } = json.value
  const words = typeof message === 'string' ? message : ''
  const advice = words.includes('could not find feed')
    ? 'after publishing, wait a minute; if it stays so, check that the PDS of the account is connected to the network'
    : 'mend what fails above; the AppView remembers DID documents for a while'
  return {
    finding: note.failure(`the AppView answers ${describeError(answer)}`, {
      feed,
      advice,
      readersSee: wordsFor(answer.status, words),
    }),
  }
}
