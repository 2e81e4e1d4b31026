import type { Config } from '../config/config.ts'
import { Problems } from '../config/problems.ts'
import { ConfigError } from '../errors.ts'
import { describeUnknownFeed } from '../feeds/describeUnknownFeed.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { PictureBlob } from '../pds/blob.ts'
import { PdsError } from '../pds/pdsError.ts'
import type { Person } from '../pds/person.ts'
import { applySteps } from './applySteps.ts'
import type { Written } from './applySteps.ts'
import { readAvatars } from './avatar.ts'
import { confirm } from './confirm.ts'
import { openPublisher, readPublishTarget } from './openPublisher.ts'
import type { PublishTarget, Publisher } from './openPublisher.ts'
import { planPublish } from './planPublish.ts'
import type { Plan, Step, WriteStep } from './planPublish.ts'
import { wantedRecord } from './wantedRecord.ts'
import type { OptionalField } from './wantedRecord.ts'

export interface RunOptions {
  readonly config: Config
  readonly definitions: readonly FeedDefinition[]
  /** Handle or DID; undefined is the account that the configuration names. */
  readonly identifier: string | undefined
  readonly isDryRun: boolean
  /** The answer to the question before anything is written is yes. */
  readonly isConfirmed: boolean
  /** Also records of another service. */
  readonly takesOver: boolean
  /** Undefined in a pipeline. */
  readonly person: Person | undefined
  readonly signal: AbortSignal
  /** What is wrong already: nothing is done then, but what else is wrong is said too. */
  readonly problems?: Problems
  /** For each answer of the PDS. */
  readonly timeoutMs?: number
}

export interface PublishOptions extends RunOptions {
  /** Record keys; empty is all feeds. */
  readonly only: readonly string[]
  /** Fields to take out where the feeds file does not give them. */
  readonly cleared: ReadonlySet<OptionalField>
  /** Is told the plan before anything is asked or written. */
  readonly onPlan: (plan: Plan, publisher: Publisher) => void
  readonly onWritten: (written: Written) => void
}

/**
 * Makes the repository of the publisher hold the feeds of the feeds file. All that can be checked is
 * checked before the login, and the login is left out when there is nothing to write.
 * @throws ConfigError, IdentityError or PdsError; what `onWritten` was told is done nevertheless
 */
export async function publishFeeds(options: PublishOptions): Promise<void> {
  const { definitions, isDryRun, onPlan, onWritten } = options
  const { chosen, avatars, target } = checkAll(options)
  const publisher = await openPublisher(target, options)
  const { serviceDid, repository } = publisher
  const wanted = chosen.map((definition) =>
    wantedRecord(definition, serviceDid, avatars.get(definition.rkey)),
  )
  const plan = planPublish(wanted, await repository.list(), {
    serviceDid,
    knownRkeys: new Set(definitions.map(({ rkey }) => rkey)),
    takesOver: options.takesOver,
    createdAt: new Date().toISOString(),
    cleared: options.cleared,
  })
  onPlan(plan, publisher)
  checkRefused(plan.steps)
  const steps = plan.steps.filter(isWrite)
  if (isDryRun || steps.length === 0) {
    return
  }
  await confirm(`Write ${steps.length} of these to the repository?`, options)
  await using session = await publisher.openSession()
  await applySteps(steps, { repository, session }, onWritten)
}

const NO_TARGET: PublishTarget = { serviceDid: '', publisherDid: undefined, identifier: '' }

/** Everything that can be wrong on this machine. */
function checkAll({ config, definitions, only, identifier, ...options }: PublishOptions) {
  const { feedsFile } = config
  const { problems = new Problems() } = options
  const chosen = problems.attempt(() => chooseFeeds(definitions, only, feedsFile), definitions)
  const avatars = problems.attempt(
    () => readAvatars(chosen, feedsFile),
    new Map<string, PictureBlob>(),
  )
  const target = problems.attempt(() => readPublishTarget(config, identifier), NO_TARGET)
  problems.throwIfAny()
  return { chosen, avatars, target }
}

function chooseFeeds(
  definitions: readonly FeedDefinition[],
  only: readonly string[],
  feedsFile: string,
): readonly FeedDefinition[] {
  const known = new Set(definitions.map(({ rkey }) => rkey))
  const problems = only
    .filter((rkey) => !known.has(rkey))
    .map((rkey) => `--only: ${describeUnknownFeed(rkey, definitions, feedsFile)}`)
  if (problems.length > 0) {
    throw new ConfigError(problems)
  }
  return only.length === 0 ? definitions : definitions.filter(({ rkey }) => only.includes(rkey))
}

function checkRefused(steps: readonly Step[]): void {
  const refused = steps.filter((step) => step.kind === 'refused')
  if (refused.length > 0) {
    const reasons = refused.map(({ rkey, reason }) => `${rkey}: ${reason}`)
    throw new PdsError(`nothing is written, because of:\n${reasons.join('\n')}`)
  }
}

export function isWrite(step: Step): step is WriteStep {
  return step.kind === 'create' || step.kind === 'update'
}
