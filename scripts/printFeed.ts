import { parseArgs } from 'node:util'
import { refuseUnfinishedCopy } from '../src/copy/copyProgress.ts'
import { migrate } from '../src/db/migrate.ts'
import { openReader, openWriter } from '../src/db/openDatabase.ts'
import { loadEnvFile } from '../src/envFile.ts'
import { ConfigError } from '../src/errors.ts'
import { createFeeds, prepareFilters } from '../src/feeds/openFeeds.ts'
import { walkFeed } from '../src/feeds/walkFeed.ts'
import type { WalkedPost } from '../src/feeds/walkFeed.ts'
import { createLogger } from '../src/logger.ts'
import { readSetup } from '../src/setup.ts'
import { formatUs, systemClock } from '../src/time.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = 'npm run printFeed -- RKEY [--limit N] [--explain] [--json]'

await runCommand(async (signal) => {
  const { rkey, limit, isExplained, isJson } = parseUsage(readArguments, USAGE)
  const { config, definitions } = readSetup(loadEnvFile('.env', process.env))
  const definition = definitions.find((feed) => feed.rkey === rkey)
  if (definition === undefined) {
    const known = definitions.map((feed) => feed.rkey).join(', ')
    throw new ConfigError([`${config.feedsFile} has no feed '${rkey}': it has ${known}`])
  }
  const logger = createLogger({ level: 'silent', pretty: false })
  let filterIds: number[]
  {
    await using writer = await openWriter(config.databaseUrl)
    await refuseUnfinishedCopy(writer)
    await migrate(writer)
    filterIds = await prepareFilters(writer, [definition], { clock: systemClock, logger })
  }
  await using reader = await openReader(config.databaseUrl, config.databaseReadUrls)
  const { retentionDays } = config
  const [feed] = createFeeds({
    reader,
    definitions: [definition],
    filterIds,
    retentionDays,
    clock: systemClock,
  })
  if (feed === undefined) {
    return
  }
  if (isExplained && !isJson) {
    console.log(`${rkey}: newest first, by indexed_at, then cid, then uri`)
  }
  let rank = 0
  for await (const item of walkFeed(feed, limit, signal)) {
    rank += 1
    console.log(isJson ? jsonLine(rank, item) : textLine(rank, item))
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

function jsonLine(rank: number, { post, indexedAt }: WalkedPost): string {
  return JSON.stringify({ rank, uri: post, indexedAt: indexedAt ?? null })
}

function textLine(rank: number, { post, indexedAt }: WalkedPost): string {
  const time = indexedAt === undefined ? 'pinned'.padEnd(24) : formatUs(indexedAt)
  return `${String(rank).padStart(5)}  ${time}  ${post}`
}
