import type { WriteDatabase } from '../db/database.ts'
import type { SmallWrites } from '../db/smallWrites.ts'
import { describeError } from '../errors.ts'
import type { Logger } from '../logger.ts'
import { US_PER_DAY } from '../time.ts'
import type { Clock } from '../time.ts'

const KEPT_US = 30 * US_PER_DAY
const EVERY_MS = 60 * 60 * 1_000
const AT_ONCE = 50

/**
 * Erases all that is stored of viewers, in the transaction of the caller; returns how many of them were
 * known. What they have seen stays counted: a count names nobody.
 */
export async function forgetViewers(
  { kysely }: WriteDatabase,
  dids: readonly string[],
): Promise<number> {
  if (dids.length === 0) {
    return 0
  }
  await kysely.deleteFrom('follow').where('viewer', 'in', dids).execute()
  await kysely.deleteFrom('seen').where('viewer', 'in', dids).execute()
  const less = await kysely.deleteFrom('less').where('viewer', 'in', dids).executeTakeFirst()
  const viewers = await kysely.deleteFrom('viewer').where('did', 'in', dids).executeTakeFirst()
  return Math.max(Number(viewers.numDeletedRows), Math.min(1, Number(less.numDeletedRows)))
}

/** Every hour: who has not come for 30 days, and what was asked for less of 30 days ago. */
export function forgetOldViewers({
  writes,
  clock,
  logger,
}: {
  readonly writes: SmallWrites
  readonly clock: Clock
  readonly logger: Logger
}): Disposable {
  const forget = async (): Promise<void> => {
    const nowUs = clock()
    try {
      await writes.write(async ({ kysely }) => {
        await kysely.deleteFrom('less').where('until_us', '<=', nowUs).execute()
      })
      let count: number
      do {
        count = 0
        await writes.write(async (writer) => {
          const old = await writer.kysely
            .selectFrom('viewer')
            .select('did')
            .where('asked_us', '<', nowUs - KEPT_US)
            .limit(AT_ONCE)
            .execute()
          count = old.length
          for (const { did } of old) {
            await writer.kysely.deleteFrom('follow').where('viewer', '=', did).execute()
            await writer.kysely.deleteFrom('viewer').where('did', '=', did).execute()
          }
        })
      } while (count === AT_ONCE)
    } catch (error) {
      // The next hour comes.
      logger.debug(
        { event: 'viewersNotForgotten', reason: describeError(error) },
        'old viewers could not be forgotten',
      )
    }
  }
  const timer = setInterval(() => void forget(), EVERY_MS).unref()
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
