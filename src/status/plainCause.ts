/** Causes that say nothing of the operator's hosts, paths and accounts, by the texts of databases and systems. */
const CAUSES: readonly (readonly [pattern: RegExp, cause: string])[] = [
  [/too many (connections|clients)|connection slots/i, 'the database has too many connections'],
  [/\block/i, 'the database is locked by another process'],
  [/disk is full|no space left|ENOSPC/i, 'the disk is full'],
  [/read-?only/i, 'the database cannot be written to'],
  [/disk I\/O error|input\/output error/i, 'the disk fails'],
  [/password|authentication|connection is refused by/i, 'the database refuses this service'],
  [
    /database server|ECONNREFUSED|ECONNRESET|ETIMEDOUT|connection to the database/i,
    'it cannot be reached',
  ],
]

const IN_LOG = 'the log of the service says more'

/** What may be told to anybody of a reason that is written for the operator alone. */
export function plainCause(reason: string): string {
  const known = CAUSES.find(([pattern]) => pattern.test(reason))
  return known === undefined ? IN_LOG : `${known[1]}; ${IN_LOG}`
}
