import type { Config } from './config.ts'
import { describeDatabaseUrl } from './configParsers.ts'

/** The settings for one line at start: no password, no user of a database, no parameter of its URL. */
export function describeConfig(config: Config): Record<string, unknown> {
  const { publisherPassword: _, ...shown } = config
  return {
    ...shown,
    databaseUrl: describeDatabaseUrl(config.databaseUrl),
    databaseReadUrls: config.databaseReadUrls.map((url) => describeDatabaseUrl(url)),
    roles: [...config.roles],
  }
}
