import type { SmallWrites } from '../db/smallWrites.ts'
import type { Us } from '../time.ts'
import { US_PER_SECOND } from '../time.ts'
import type { Follow } from './followPage.ts'

/** What the stream told so long before a reading began is in what was read. Clocks of machines differ. */
const MARGIN_US = 60 * US_PER_SECOND
/** Readers wait for a transaction on SQLite. */
const ROWS_AT_ONCE = 500

/** From now on ingest keeps what the stream says of somebody's follows. */
export function noteViewer(writes: SmallWrites, did: string, nowUs: Us): Promise<void> {
  return writes.write(async ({ kysely }) => {
    await kysely
      .insertInto('viewer')
      .values({ did, asked_us: nowUs, walked_us: -1, heard_us: -1, changes: 0 })
      .onConflict((conflict) => conflict.column('did').doUpdateSet({ asked_us: nowUs }))
      .execute()
  })
}

/**
 * Puts a whole list in the place of the one that is stored. What the stream has told since the reading
 * began is newer than the list. `walked_us` is written last: a list is whole or does not count.
 */
export async function storeFollows(
  writes: SmallWrites,
  viewer: string,
  { follows, begunUs }: { readonly follows: readonly Follow[]; readonly begunUs: Us },
): Promise<void> {
  let known = new Map<string, { subject: string | null; told_us: number }>()
  await writes.write(async ({ kysely }) => {
    const rows = await kysely
      .selectFrom('follow')
      .select(['rkey', 'subject', 'told_us'])
      .where('viewer', '=', viewer)
      .execute()
    known = new Map(rows.map((row) => [row.rkey, row]))
  })
  const read = new Map(follows.map(({ rkey, subject }) => [rkey, subject]))
  const isOld = ({ told_us }: { told_us: number }): boolean => told_us < begunUs - MARGIN_US
  const outdated = [...known].flatMap(([rkey, row]) =>
    isOld(row) && row.subject !== (read.get(rkey) ?? null) ? [rkey] : [],
  )
  const removed = new Set(outdated)
  const added = follows.filter(({ rkey }) => !known.has(rkey) || removed.has(rkey))
  for (const rkeys of chunksOf(outdated)) {
    await writes.write(async ({ kysely }) => {
      await kysely
        .deleteFrom('follow')
        .where('viewer', '=', viewer)
        .where('rkey', 'in', rkeys)
        .where('told_us', '<', begunUs - MARGIN_US)
        .execute()
    })
  }
  for (const some of chunksOf(added)) {
    await writes.write(async ({ kysely }) => {
      await kysely
        .insertInto('follow')
        .values(some.map(({ rkey, subject }) => ({ viewer, rkey, subject, rev: '', told_us: -1 })))
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    })
  }
  await writes.write(async ({ kysely }) => {
    await kysely
      .updateTable('viewer')
      .set((row) => ({ walked_us: begunUs, changes: row('changes', '+', 1) }))
      .where('did', '=', viewer)
      .where('walked_us', '<', begunUs)
      .execute()
  })
}

function* chunksOf<T>(items: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < items.length; from += ROWS_AT_ONCE) {
    yield items.slice(from, from + ROWS_AT_ONCE)
  }
}
