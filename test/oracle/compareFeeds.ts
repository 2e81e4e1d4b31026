/** Every page of every feed, as it is served, against what the model says. */
import type { Frame } from '../support/jetstreamServer.ts'
import type { RunningApp } from '../support/runApp.ts'
import type { Random } from '../support/streamGenerator.ts'
import { until } from '../support/until.ts'
import { FEEDS } from './oracleFeeds.ts'
import type { OracleFeed } from './oracleFeeds.ts'
import type { OracleModel } from './oracleModel.ts'

export interface Compared {
  readonly model: OracleModel
  readonly frames: readonly Frame[]
  readonly random: Random
}

/** The first difference in words, with the frames that tell of the post; undefined when there is none. */
export async function compareFeeds(
  app: RunningApp,
  compared: Compared,
): Promise<string | undefined> {
  const differences: string[] = []
  const names: string[] = []
  for (const feed of FEEDS) {
    const difference = await compareFeed(app, feed, compared, names.length === 0)
    if (difference !== undefined) {
      differences.push(difference)
      names.push(feed.rkey)
    }
  }
  const [first] = differences
  return first === undefined ? undefined : `${first}\n  different are: ${names.join(', ')}`
}

async function compareFeed(
  app: RunningApp,
  feed: OracleFeed,
  { model, frames, random }: Compared,
  isPatient: boolean,
): Promise<string | undefined> {
  const expected = model.members(feed)
  if (isPatient) {
    // Rankings are made now and then, and the posts of an account that has come back are put in their
    // places step by step. What is wrong is told below, once it has had its time.
    const isThere = async (): Promise<boolean> =>
      (await app.walk(feed.rkey)).join() === expected.join()
    await until(isThere, PATIENCE_MS).catch(() => {})
  }
  const { posts: served, fault } = await walkFeed(app, feed, random)
  const place = Math.max(expected.length, served.length)
  const first = Array.from({ length: place }).findIndex((_, at) => expected[at] !== served[at])
  if (fault === undefined && first === -1) {
    return undefined
  }
  const [wanted, got] = [expected[first], served[first]]
  const missing = expected.filter((uri) => !served.includes(uri)).length
  const strange = served.filter((uri) => !expected.includes(uri)).length
  const counts = `${served.length} posts, expected ${expected.length}`
  return [
    `feed ${feed.rkey}: ${fault ?? ''}${counts}, ${missing} missing, ${strange} strange`,
    `  place ${first + 1}: ${got ?? 'nothing'}, expected ${wanted ?? 'nothing'}`,
    ...[wanted, got].flatMap((uri) => tell(uri, frames)),
  ].join('\n')
}

/** A machine on which several seeds run is busy. */
const PATIENCE_MS = 60_000
const MOST_TOLD = 25
const MOST_SHOWN = 700

interface Walk {
  readonly posts: string[]
  /** What is wrong with a page itself. */
  readonly fault: string | undefined
}

/** Feeds that are short are read in small pages, so that every end of a page is seen somewhere. */
async function walkFeed(app: RunningApp, feed: OracleFeed, random: Random): Promise<Walk> {
  const posts: string[] = []
  const most = random.pick([20, 100, 100])
  let cursor: string | undefined
  do {
    // A first page of one post leaves a pinned one out.
    const least = feed.pinned !== undefined && cursor === undefined ? 2 : 1
    const limit = least + random.below(most - least + 1)
    const page = await app.page(feed.rkey, { limit, ...(cursor && { cursor }) })
    const pins = page.feed.flatMap(({ reason }, index) => (reason === undefined ? [] : [index]))
    const isPinned = page.feed[0] !== undefined && page.feed[0].post === feed.pinned
    const expectedPins = posts.length === 0 && isPinned ? '0' : ''
    const faults = [
      page.feed.length > limit && 'a page longer than its limit, ',
      page.feed.length === 0 && page.cursor !== undefined && 'an empty page with a cursor, ',
      page.cursor !== undefined && page.cursor === cursor && 'a cursor that leads to itself, ',
      pins.join() !== expectedPins && 'a pinned post where none belongs, or the other way round, ',
    ]
    const fault = faults.find((text) => text !== false)
    if (fault !== undefined) {
      return { posts, fault }
    }
    posts.push(...page.feed.map(({ post }) => post))
    cursor = page.cursor
  } while (cursor !== undefined)
  return { posts, fault: undefined }
}

/** The frames that decide about a post: those of its record and of its account, or that name it. */
export function tell(uri: string | undefined, frames: readonly Frame[]): string[] {
  const [, , did, , rkey] = uri?.split('/') ?? []
  if (did === undefined) {
    return []
  }
  const found = frames.flatMap(({ data }, index) => {
    const text = String(data)
    const isItsOwn = text.includes(`"rkey":${JSON.stringify(rkey)}`) || text.includes('"account":')
    const concerns = (text.includes(did) && isItsOwn) || text.includes(`"${uri}"`)
    return concerns ? [`  ${index}: ${text.slice(0, MOST_SHOWN)}`] : []
  })
  return found.length > MOST_TOLD ? [...found.slice(0, MOST_TOLD), '  …'] : found
}
