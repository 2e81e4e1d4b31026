import type { Problems } from '../src/config/problems.ts'
import { createFeeds } from '../src/feeds/createFeeds.ts'
import { describeUnknownFeed } from '../src/feeds/describeUnknownFeed.ts'
import { explainEmptyFeed } from '../src/feeds/explainEmptyFeed.ts'
import { rankingOf } from '../src/feeds/rankingDefinition.ts'
import { walkFeed } from '../src/feeds/walkFeed.ts'
import { createLogger } from '../src/logger.ts'
import { openReadable } from '../src/service/prepareDatabase.ts'
import { loadSetup } from '../src/service/setup.ts'
import type { Setup } from '../src/service/setup.ts'
import { systemClock } from '../src/time.ts'
import { explainRanking } from '../src/trending/explainRanking.ts'
import { rankOnce } from '../src/trending/rankOnce.ts'
import { readStoredFollows } from '../src/viewers/readStoredFollows.ts'
import { runCommand } from './command.ts'
import { jsonLine, legend, textLine } from './printedPost.ts'

const COMMAND = {
  call: 'npm run printFeed --',
  about:
    'Prints a feed as a reader would get it, from the database; the service may run meanwhile.',
  operands: {
    usage: 'RKEY',
    min: 1,
    max: 1,
    problem: 'give the record key of one feed',
    about: 'The record key of the feed.',
  },
  options: {
    limit: { type: 'string', value: 'N', default: '50', about: 'At most so many posts.' },
    viewer: {
      type: 'string',
      value: 'DID',
      about: 'Of a following feed: as this account sees it, by the follows that are stored.',
    },
    explain: { type: 'boolean', about: 'Says why each post is where it is.' },
    json: {
      type: 'boolean',
      about:
        'Prints one JSON object a line: rank, uri, indexedAt (microseconds since 1970; null for a pinned post); of ' +
        'a trending feed with --explain also score, likes, replies, reposts, quotes, views, ageHours, featured, ' +
        'authorRank.',
    },
  },
} as const

await runCommand(COMMAND, async ({ values, operands, problems, signal }) => {
  if (!/^[1-9]\d{0,8}$/.test(values.limit)) {
    problems.usage('--limit: give a number from 1 to 999999999')
  }
  const read = problems.attempt(() => loadSetup(process.env), undefined)
  const [rkey] = operands
  const found = read && findFeed(read, rkey, problems)
  if (found?.order === 'following' && values.viewer === undefined) {
    problems.usage(`${rkey} is another feed for each reader: give --viewer DID`)
  }
  const { config } = problems.settle(read)
  const definition = problems.settle(found)
  const { databaseUrl, retentionDays } = config
  const options = { logger: createLogger({ level: 'silent', pretty: false }), signal }
  await using readable = await openReadable({ config, definitions: [definition] }, options)
  const { reader, filters, isWritable } = readable
  const ranking = rankingOf(definition)
  if (ranking !== undefined && isWritable) {
    await rankOnce({ databaseUrl, ranking, retentionDays, signal })
  }
  const clock = systemClock
  const [feed] = createFeeds({ reader, definitions: [definition], filters, retentionDays, clock })
  if (feed === undefined) {
    return
  }
  const reasons =
    ranking !== undefined && values.explain ? await explainRanking(reader, ranking) : undefined
  if (values.explain && !values.json) {
    console.log(`${rkey}: ${legend(definition.order)}`)
  }
  const viewer = values.viewer && { follows: await readStoredFollows(reader, values.viewer) }
  let rank = 0
  for await (const item of walkFeed(feed, Number(values.limit), {
    signal,
    ...(viewer && { viewer }),
  })) {
    rank += 1
    const printed = { ...item, rank, reason: reasons?.get(item.post) }
    console.log(values.json ? jsonLine(printed) : textLine(printed))
  }
  if (rank === 0 && !signal.aborted) {
    const reason = await explainEmptyFeed(reader, {
      ...{ definition, filterId: filters.at(0), retentionDays, clock },
      hasRanking: ranking !== undefined && isWritable,
    })
    // The lines on stdout are for a program, which an explanation would confuse.
    const print = values.json ? console.error : console.log
    print(`${rkey} is empty: ${reason}`)
  }
})

function findFeed({ config, definitions }: Setup, rkey: string | undefined, problems: Problems) {
  const definition = definitions.find((feed) => feed.rkey === rkey)
  if (definition === undefined && rkey !== undefined) {
    problems.add(describeUnknownFeed(rkey, definitions, config.feedsFile))
  }
  return definition
}
