import { readConfig } from './config.ts'
import type { Config, Environment } from './config.ts'
import { readEnvFile } from './envFile.ts'
import { ConfigError } from './errors.ts'
import type { FeedDefinition } from './feeds/feedDefinition.ts'
import { DEFAULT_TRENDING } from './feeds/feedFileTrending.ts'
import { readFeedFile } from './feeds/readFeedFile.ts'
import type { IngestOptions } from './ingest/ingest.ts'

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
  const config = attempt(() => readConfig(env))
  const feedsFile = env['FEEDGEN_FEEDS_FILE']?.trim() || 'feeds.yaml'
  const definitions = attempt(() => readFeedFile(feedsFile))
  const problems = [...problemsOf(config), ...problemsOf(definitions)]
  if (config instanceof ConfigError || definitions instanceof ConfigError) {
    throw new ConfigError(problems)
  }
  return { config, definitions }
}

/**
 * The same of an environment that a `.env` file completes.
 * @throws ConfigError with the problems of that file, too
 */
export function loadSetup(env: Environment, envFile = '.env'): Setup {
  const { completed, problems } = readEnvFile(envFile, env)
  const setup = attempt(() => readSetup(completed))
  if (setup instanceof ConfigError || problems.length > 0) {
    throw new ConfigError([...problems, ...problemsOf(setup)])
  }
  return setup
}

function attempt<T>(read: () => T): T | ConfigError {
  try {
    return read()
  } catch (error) {
    if (error instanceof ConfigError) {
      return error
    }
    throw error
  }
}

function problemsOf(result: unknown): readonly string[] {
  return result instanceof ConfigError ? result.problems : []
}

/** What of it concerns ingest. */
export function ingestOptions({ config, definitions }: Setup): IngestOptions {
  const named = definitions.flatMap(({ filter }) => [
    ...filter.anyTags,
    ...filter.allTags,
    ...filter.noneTags,
  ])
  const pinned = definitions.flatMap(({ pinned: uri }) => {
    const [did = '', , rkey = ''] = (uri ?? '').slice('at://'.length).split('/')
    return uri === undefined ? [] : [{ did, rkey }]
  })
  const { plcUrl, allowLocalNetwork } = config
  return {
    databaseUrl: config.databaseUrl,
    jetstreamUrls: config.jetstreamUrls,
    idleMs: config.jetstreamIdleMs,
    backfillHours: config.backfillHours,
    retentionDays: config.retentionDays,
    onlyTags: config.indexTags === 'feeds' ? [...new Set(named)] : undefined,
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
