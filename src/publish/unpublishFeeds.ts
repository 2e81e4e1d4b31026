import { Problems } from '../config/problems.ts'
import { PdsError } from '../pds/pdsError.ts'
import type { Repository } from '../pds/repository.ts'
import type { Session } from '../pds/session.ts'
import type { StoredRecord } from '../pds/storedRecord.ts'
import { confirm } from './confirm.ts'
import { openPublisher, readPublishTarget } from './openPublisher.ts'
import type { Publisher } from './openPublisher.ts'
import { planUnpublish } from './planUnpublish.ts'
import type { RunOptions } from './publishFeeds.ts'
import { readLikeCount } from './readLikeCount.ts'

/** Of many orphans the likes of the first are enough to think again. */
const MAX_ASKED = 20

/** A feed that is to go, and what goes with it. */
export interface Loss {
  readonly record: StoredRecord
  readonly uri: string
  /** Undefined when the AppView does not say. */
  readonly likeCount: number | undefined
  /** The feeds file still has it, so that publishing brings it back. */
  readonly isInFeedsFile: boolean
}

export interface UnpublishOptions extends RunOptions {
  /** Record keys, or all that the feeds file no longer has. */
  readonly chosen: readonly string[] | 'orphans'
  readonly appViewUrl: string
  /** Is told what is lost before anything is asked or deleted. */
  readonly onPlan: (losses: readonly Loss[], publisher: Publisher) => void
  readonly onDeleted: (rkey: string) => void
}

/**
 * Deletes records of feeds from the repository of the publisher.
 * @throws ConfigError, IdentityError or PdsError; what `onDeleted` was told is gone nevertheless
 */
export async function unpublishFeeds(options: UnpublishOptions): Promise<void> {
  const { config, definitions, isDryRun, onPlan, onDeleted } = options
  const knownRkeys = new Set(definitions.map(({ rkey }) => rkey))
  const { problems = new Problems() } = options
  const target = problems.attempt(() => readPublishTarget(config, options.identifier), undefined)
  const publisher = await openPublisher(problems.settle(target), options)
  const { serviceDid, repository } = publisher
  const { takesOver } = options
  const stored = await repository.list()
  const plan = planUnpublish(options.chosen, stored, { serviceDid, knownRkeys, takesOver })
  if (plan.problems.length > 0) {
    throw new PdsError(`nothing is deleted, because of:\n${plan.problems.join('\n')}`)
  }
  const appView = { appViewUrl: options.appViewUrl, allowLocalNetwork: config.allowLocalNetwork }
  const losses = await Promise.all(
    plan.records.map(async (record, index): Promise<Loss> => {
      const uri = repository.uriOf(record.rkey)
      const likeCount = index < MAX_ASKED ? await readLikeCount(uri, appView) : undefined
      return { record, uri, likeCount, isInFeedsFile: knownRkeys.has(record.rkey) }
    }),
  )
  onPlan(losses, publisher)
  if (isDryRun || losses.length === 0) {
    return
  }
  await confirm(`Delete ${losses.length} of these for good?`, options)
  await using session = await publisher.openSession()
  for (const { record } of losses) {
    await deleteRecord(record, repository, session)
    onDeleted(record.rkey)
  }
}

async function deleteRecord(
  record: StoredRecord,
  repository: Repository,
  session: Session,
): Promise<void> {
  await repository.delete(session, record)
  if ((await repository.get(record.rkey)) !== undefined) {
    const uri = repository.uriOf(record.rkey)
    throw new PdsError(`${uri} was deleted, and is there nevertheless: run the command again`)
  }
}
