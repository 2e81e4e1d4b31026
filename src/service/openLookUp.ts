import { AskPosts } from '../appview/askPosts.ts'
import { createLookUp } from '../appview/lookUpPosts.ts'
import type { LookUpPosts } from '../appview/lookUpPosts.ts'
import { createReadRecords } from '../clients/readRecords.ts'
import type { Config } from '../config/config.ts'
import type { ReadDatabase } from '../db/database.ts'
import { createGuardedFetch } from '../identity/guardedFetch.ts'
import type { Logger } from '../logger.ts'
import type { Metrics } from '../status/metrics.ts'

export interface LookUpOptions {
  readonly reader: ReadDatabase
  readonly metrics: Pick<Metrics, 'appViewAsked'>
  readonly logger: Logger
}

/** Longer than a page waits: what comes later is there for the next page. */
const TIMEOUT_MS = 5_000
const MAX_BYTES = 2 * 1024 * 1024
const TELL_EVERY_MS = 300_000

/** How pages for people come to the texts of posts: from the AppView, else from the stored records. */
export function openLookUp(config: Config, options: LookUpOptions): LookUpPosts {
  const { appViewUrl, allowLocalNetwork } = config
  const { reader, metrics, logger } = options
  let toldAt = Number.NEGATIVE_INFINITY
  const ask =
    appViewUrl === undefined
      ? undefined
      : new AskPosts({
          ...{ url: appViewUrl, allowLocalNetwork },
          fetch: createGuardedFetch({
            allowLocalNetwork,
            timeoutMs: TIMEOUT_MS,
            maxBytes: MAX_BYTES,
          }),
          onAsked(outcome, reason) {
            metrics.appViewAsked(outcome)
            if (outcome !== 'good' && performance.now() - toldAt >= TELL_EVERY_MS) {
              toldAt = performance.now()
              logger.warn(
                { event: 'appViewNotRead', outcome, reason },
                `pages show posts from the stored records: ${reason}`,
              )
            }
          },
        })
  const readRecords = createReadRecords(reader)
  return createLookUp(ask, async (uris) => {
    const found = await readRecords(uris)
    return new Map([...found].map(([uri, { record }]) => [uri, record]))
  })
}
