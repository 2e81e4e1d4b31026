import { DEFAULT_FEEDS_FILE, readConfig } from '../config/config.ts'
import type { Config, Environment } from '../config/config.ts'
import { readEnvFile } from '../config/envFile.ts'
import { Problems } from '../config/problems.ts'
import { readFeedFile } from '../feedfile/readFeedFile.ts'
import { DEFAULT_TRENDING } from '../feedfile/readTrending.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { IngestOptions } from '../ingest/startIngest.ts'
import { parseAtUri } from '../texts/parseAtUri.ts'

/** All that an operator has set. */
export interface Setup {
  readonly config: Config
  readonly definitions: readonly FeedDefinition[]
}

/**
 * Reads the environment and the feeds file that it names.
 * @throws ConfigError with the problems of both, so that one start finds them all
 */
export function readSetup(env: Environment): Setup {
  const found = new Problems()
  const config = found.attempt(() => readConfig(env), undefined)
  const feedsFile = env['FEEDGEN_FEEDS_FILE']?.trim() || DEFAULT_FEEDS_FILE
  const definitions = found.attempt(() => readFeedFile(feedsFile), undefined)
  return { config: found.settle(config), definitions: found.settle(definitions) }
}

/**
 * The same of an environment that a `.env` file completes.
 * @throws ConfigError with the problems of that file, too
 */
export function loadSetup(env: Environment, envFile = '.env'): Setup {
  const { completed, problems } = readEnvFile(envFile, env)
  const found = new Problems()
  found.add(...problems)
  return found.settle(found.attempt(() => readSetup(completed), undefined))
}

/** What of it concerns ingest. */
export function ingestOptions({ config, definitions }: Setup): IngestOptions {
  const named = definitions.flatMap(({ filter }) => [
    ...filter.anyTags,
    ...filter.allTags,
    ...filter.noneTags,
  ])
  const pinned = definitions.flatMap(({ pinned: uri }) => {
    const parsed = uri === undefined ? undefined : parseAtUri(uri)
    return parsed === undefined ? [] : [{ did: parsed.authority, rkey: parsed.rkey }]
  })
  const { plcUrl, allowLocalNetwork } = config
  return {
    databaseUrl: config.databaseUrl,
    jetstreamUrls: config.jetstreamUrls,
    idleMs: config.jetstreamIdleMs,
    backfillHours: config.backfillHours,
    retentionDays: config.retentionDays,
    keepRecords: config.keepRecords,
    onlyTags: config.indexTags === 'feeds' ? [...new Set(named)] : undefined,
    hasFollows: definitions.some(({ order }) => order === 'following'),
    pinned,
    identity: isOfAccounts(config) ? { plcUrl, allowLocalNetwork } : undefined,
    windowHours: Math.max(
      DEFAULT_TRENDING.windowHours,
      ...definitions.map(({ trending }) => trending?.windowHours ?? 0),
    ),
  }
}

/**
 * Whether accounts of the stream can be asked for: those of a stream of this machine are invented, unless
 * a local network was set up with servers of its own.
 */
function isOfAccounts({ allowLocalNetwork, jetstreamUrls }: Config): boolean {
  return (
    allowLocalNetwork ||
    !jetstreamUrls.some((url) => /^(?:localhost|127\.|\[::1\])/u.test(new URL(url).hostname))
  )
}
