import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import { feedUri } from '../../feeds/registry.ts'
import { countOf } from '../../texts/countOf.ts'
import { quoteExcerpt } from '../../texts/quote.ts'
import type { Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { inParallel } from '../inParallel.ts'
import { READERS_SEE } from '../readersSee.ts'
import { APP_VIEW_MS, readSkeletonPage } from '../readSkeletonPage.ts'
import type { SkeletonPage, Trouble } from '../readSkeletonPage.ts'

export interface SkeletonsResult {
  readonly findings: readonly Finding[]
  /** Record keys of the feeds whose first page has posts. */
  readonly filled: ReadonlySet<string>
}

const note = notesOf('skeleton')
/** What the app asks for at a time. */
const LIMIT = 30
/** Enough to see whether a cursor goes in circles; a feed can have thousands. */
const MAX_PAGES = 4
const SLOW_MS = 2_000

/** Reads the feeds as the AppView does for a reader who is not signed in. */
export async function checkSkeletons(deployment: Deployment, ask: Ask): Promise<SkeletonsResult> {
  const walks = await inParallel(deployment.feeds, (feed) => walk(deployment, feed, ask))
  const findings = await inParallel(walks, ({ feed, ...found }) =>
    judge(deployment, feed, found, ask),
  )
  const unknown = await checkUnknownFeed(deployment, ask)
  const filled = walks.flatMap(({ feed, pages }) =>
    (pages[0]?.posts.length ?? 0) > 0 ? [feed.rkey] : [],
  )
  return { findings: [...findings.flat(), unknown], filled: new Set(filled) }
}

interface Walk {
  readonly pages: readonly SkeletonPage[]
  /** What ended it before its time. */
  readonly trouble: Trouble | undefined
}

async function walk(
  deployment: Deployment,
  feed: FeedDefinition,
  ask: Ask,
): Promise<Walk & { readonly feed: FeedDefinition }> {
  const uri = feedUri(deployment.publisherDid, feed.rkey)
  const pages: SkeletonPage[] = []
  const seen = new Set<string>()
  let cursor: string | undefined
  do {
    const query = { feed: uri, limit: LIMIT, ...(cursor !== undefined && { cursor }) }
    const page = await readSkeletonPage(ask, deployment.baseUrl, query)
    const trouble = 'problem' in page ? page : findCircle(page, cursor, seen)
    if ('problem' in page || trouble !== undefined) {
      return { feed, pages, trouble }
    }
    pages.push(page)
    cursor = page.cursor
    for (const post of page.posts) {
      seen.add(post)
    }
  } while (cursor !== undefined && pages.length < MAX_PAGES)
  return { feed, pages, trouble: undefined }
}

/** What keeps a reader from getting to the end of the feed, or shows posts again on the way there. */
function findCircle(
  { posts, cursor }: SkeletonPage,
  asked: string | undefined,
  seen: ReadonlySet<string>,
): Trouble | undefined {
  const trouble = (problem: string): Trouble => ({
    status: 200,
    problem,
    advice: 'please report it as a defect of tagfeed, unless something between changes its answers',
    readersSee: undefined,
  })
  const repeated = posts.filter((post, index) => seen.has(post) || posts.indexOf(post) !== index)
  if (posts.length === 0 && cursor !== undefined) {
    return trouble('an empty page with a cursor: the cursor never ends, and readers get no further')
  }
  if (cursor !== undefined && cursor === asked) {
    return trouble('the cursor of the page is the one it was asked with: the cursor never ends')
  }
  if (repeated.length === 0) {
    return undefined
  }
  return repeated.length === posts.length
    ? trouble('every post was on an earlier page: the cursor never ends')
    : trouble(
        `${repeated.length} of ${posts.length} posts are repeated, such as ${quoteExcerpt(repeated[0])}`,
      )
}

async function judge(
  deployment: Deployment,
  { rkey, order }: FeedDefinition,
  { pages, trouble }: Walk,
  ask: Ask,
): Promise<Finding[]> {
  const feed = rkey
  if (order === 'following' && trouble?.status === 401) {
    return [note.ok('it wants a reader who is signed in, as it should', { feed })]
  }
  if (trouble !== undefined) {
    const { problem, advice, readersSee } = trouble
    return [note.failure(`page ${pages.length + 1}: ${problem}`, { feed, advice, readersSee })]
  }
  const posts = pages.reduce((sum, page) => sum + page.posts.length, 0)
  if (posts === 0) {
    const advice = `wait for posts to come, or loosen its tags and filters; npm run printFeed -- ${rkey} shows the same here`
    return [note.warning('the feed is empty', { feed, advice, readersSee: READERS_SEE.empty })]
  }
  const limits = await checkLimits(deployment, rkey, ask)
  const slowest = Math.max(...pages.map(({ ms }) => ms))
  if (slowest > SLOW_MS) {
    const message = `a page takes ${(slowest / 1000).toFixed(1)} s; Bluesky gives up after ${APP_VIEW_MS / 1000} s`
    const advice =
      'look at feedgen_page_seconds in /metrics, and at the load of the machine and its disk'
    return [note.warning(message, { feed, advice }), ...limits]
  }
  const message = `${countOf(posts, 'post')} on ${countOf(pages.length, 'page')}, none twice, ${slowest} ms at most`
  return limits.length > 0 ? limits : [note.ok(message, { feed })]
}

/** Only the extremes: pages of the app's own size are read anyhow. */
async function checkLimits(deployment: Deployment, rkey: string, ask: Ask): Promise<Finding[]> {
  const feed = feedUri(deployment.publisherDid, rkey)
  const least = await readSkeletonPage(ask, deployment.baseUrl, { feed, limit: 1 })
  const tooMany = await readSkeletonPage(ask, deployment.baseUrl, { feed, limit: 101 })
  const findings: Finding[] = []
  if ('problem' in least) {
    const { problem, advice, readersSee } = least
    findings.push(note.failure(`limit=1: ${problem}`, { feed: rkey, advice, readersSee }))
  }
  if (!('problem' in tooMany) || tooMany.status !== 400) {
    findings.push(
      note.warning('limit=101 is answered, though 100 is the most', {
        feed: rkey,
        advice:
          'check that the host name leads to tagfeed, and to nothing that changes its answers',
      }),
    )
  }
  return findings
}

/** The AppView tells readers that a feed is gone by the error that the service names. */
async function checkUnknownFeed(deployment: Deployment, ask: Ask): Promise<Finding> {
  const feed = feedUri(deployment.publisherDid, 'no-feed-has-this-record-key')
  const page = await readSkeletonPage(ask, deployment.baseUrl, { feed, limit: 1 })
  if ('problem' in page && page.status === 400 && page.problem.includes('UnknownFeed')) {
    return note.ok('an unknown feed is answered with 400 UnknownFeed')
  }
  const found = 'problem' in page ? page.problem : 'HTTP 200'
  return note.failure(`an unknown feed is answered with ${found}, not with 400 UnknownFeed`, {
    advice: 'check that the host name leads to tagfeed, and to nothing that changes its answers',
  })
}
