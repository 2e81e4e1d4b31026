import { parseArgs } from 'node:util'
import { loadEnvFile } from '../src/envFile.ts'
import { ConfigError } from '../src/errors.ts'
import { createFeeds } from '../src/feeds/openFeeds.ts'
import { rankingOf } from '../src/feeds/rankingKey.ts'
import { walkFeed } from '../src/feeds/walkFeed.ts'
import { createLogger } from '../src/logger.ts'
import { openFeedReader, prepareDatabase } from '../src/prepareDatabase.ts'
import { readSetup } from '../src/setup.ts'
import { systemClock } from '../src/time.ts'
import { explainRanking } from '../src/trending/explain.ts'
import { rankOnce } from '../src/trending/rankOnce.ts'
import { parseUsage, runCommand, usageError } from './command.ts'
import { jsonLine, legend, textLine } from './printedPost.ts'

const USAGE = 'npm run printFeed -- RKEY [--limit N] [--explain] [--json]'

await runCommand(async (signal) => {
  const { rkey, limit, isExplained, isJson } = parseUsage(readArguments, USAGE)
  const { config, definitions } = readSetup(loadEnvFile('.env', process.env))
  const definition = definitions.find((feed) => feed.rkey === rkey)
  if (definition === undefined) {
    const known = definitions.map((feed) => feed.rkey).join(', ')
    throw new ConfigError([`${config.feedsFile} has no feed '${rkey}': it has ${known}`])
  }
  const { databaseUrl, retentionDays } = config
  const options = { logger: createLogger({ level: 'silent', pretty: false }), signal }
  const filterIds = await prepareDatabase({ config, definitions: [definition] }, options)
  const ranking = rankingOf(definition)
  if (ranking !== undefined) {
    await rankOnce({ databaseUrl, ranking, retentionDays, signal })
  }
  await using reader = await openFeedReader(config, options)
  const clock = systemClock
  const [feed] = createFeeds({ reader, definitions: [definition], filterIds, retentionDays, clock })
  if (feed === undefined) {
    return
  }
  const reasons =
    ranking !== undefined && isExplained ? await explainRanking(reader, ranking) : undefined
  if (isExplained && !isJson) {
    console.log(`${rkey}: ${legend(definition.order)}`)
  }
  let rank = 0
  for await (const item of walkFeed(feed, limit, signal)) {
    rank += 1
    const printed = { ...item, rank, reason: reasons?.get(item.post) }
    console.log(isJson ? jsonLine(printed) : textLine(printed))
  }
})

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      limit: { type: 'string', default: '50' },
      explain: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
    },
  })
  const [rkey, ...rest] = positionals
  if (rkey === undefined || rest.length > 0) {
    throw usageError('give the record key of one feed', USAGE)
  }
  if (!/^[1-9]\d{0,8}$/.test(values.limit)) {
    throw usageError(`--limit ${values.limit}: give a number from 1 to 999999999`, USAGE)
  }
  return { rkey, limit: Number(values.limit), isExplained: values.explain, isJson: values.json }
}
