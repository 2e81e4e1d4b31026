import type { IngestStatus } from '../status/ingestStatus.ts'

const EVERY_MS = 1_000

/**
 * Forgets what is known of accounts of which the stream says that their identity has changed: a key that
 * was replaced is not taken any longer than that takes.
 */
export function dropChangedIdentities(
  ingestStatus: () => IngestStatus | undefined,
  forget: (did: string) => void,
): Disposable {
  let seen = 0
  const timer = setInterval(() => {
    const { total, latest } = ingestStatus()?.identities ?? { total: 0, latest: [] }
    const changed = total - seen
    seen = total
    // Fewer than before: a thread that has begun anew. More than are named happens only in a backlog.
    latest.slice(changed < 0 ? 0 : Math.max(0, latest.length - changed)).forEach(forget)
  }, EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
