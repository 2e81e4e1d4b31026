import { createGuardedFetch } from '../identity/guardedFetch.ts'
import { resolveAccount } from '../identity/resolveAccount.ts'
import { Repository } from '../pds/repository.ts'
import { Secrets } from '../pds/secrets.ts'
import { XrpcClient } from '../pds/xrpcClient.ts'
import { createAsk } from './ask.ts'
import type { Ask } from './ask.ts'
import { attempt } from './attempt.ts'
/**
 * Examines a deployment from outside, in the order that a reader's request takes: the name, the
 * certificate, the service, who it says it is, what is published of it, its pages, what Bluesky makes of
 * them. A check that an earlier one makes pointless is reported as skipped, with the reason. Nothing here
 * throws, everything has a time limit, and nothing is sent but requests to read.
 */
import { checkAnswers } from './checks/checkAnswers.ts'
import { checkAppView } from './checks/checkAppView.ts'
import type { AppViewResult } from './checks/checkAppView.ts'
import { checkClock } from './checks/checkClock.ts'
import { canPublish, checkConfiguration } from './checks/checkConfiguration.ts'
import { checkDescription } from './checks/checkDescription.ts'
import { checkDidDocument } from './checks/checkDidDocument.ts'
import { checkIngest } from './checks/checkIngest.ts'
import { checkRecords } from './checks/checkRecords.ts'
import type { RecordsResult } from './checks/checkRecords.ts'
import { checkService } from './checks/checkService.ts'
import type { ServiceResult } from './checks/checkService.ts'
import { checkSkeletons } from './checks/checkSkeletons.ts'
import type { SkeletonsResult } from './checks/checkSkeletons.ts'
import type { Deployment } from './deployment.ts'
import { notesOf } from './findings.ts'
import type { Check, Finding } from './findings.ts'
import { findWay } from './findWay.ts'

/** A page of records. */
const PDS_MAX_BYTES = 8 * 1024 * 1024

/** Gives each finding as soon as there is one; when the signal aborts, the rest is over soon. */
export async function* diagnose(
  deployment: Deployment,
  signal: AbortSignal,
): AsyncGenerator<Finding, void> {
  const ask = createAsk(signal)
  yield* checkConfiguration(deployment)
  const way = await findWay(deployment, signal)
  yield* way.findings
  const service = await reachService(deployment, ask, way.blocked)
  yield* service.findings
  const ifServed = (
    check: Check,
    run: () => Promise<readonly Finding[]>,
  ): Promise<readonly Finding[]> => unless(service.blocked, check, run)

  const isOwnDocument = deployment.serviceDid.startsWith('did:web:')
  const didBlocked = isOwnDocument ? service.blocked : undefined
  yield* await unless(didBlocked, 'did', () => checkDidDocument(deployment, ask))
  yield* await ifServed('describe', () => checkDescription(deployment, ask))
  const records = await examineRecords(deployment, signal)
  yield* records.findings
  const skeletons = await examineSkeletons(deployment, ask, service.blocked)
  yield* skeletons.findings
  if (service.blocked === undefined) {
    yield* await ifServed('answers', () => checkAnswers(deployment, ask, service.health))
  }
  const { published } = records
  const appView = await examineAppView(deployment, ask, { published, filled: skeletons.filled })
  yield* appView.findings
  yield* await ifServed('clock', async () =>
    checkClock({ serviceAheadMs: service.reply?.aheadMs, appViewAheadMs: appView.aheadMs }),
  )
  yield* await ifServed('ingest', () => examineIngest(deployment, ask, service))
}

function reachService(
  deployment: Deployment,
  ask: Ask,
  blocked: string | undefined,
): Promise<ServiceResult> {
  const nothing = { blocked, reply: undefined, health: undefined }
  return blocked === undefined
    ? attempt('service', { ...nothing, findings: [] }, () => checkService(deployment, ask))
    : Promise.resolve({ ...nothing, findings: [notesOf('service').skipped(blocked)] })
}

async function examineRecords(deployment: Deployment, signal: AbortSignal): Promise<RecordsResult> {
  const { plcUrl, allowLocalNetwork } = deployment
  if (!canPublish(deployment)) {
    const message = 'there is no publisher whose repository could be read'
    return { findings: [notesOf('record').skipped(message)], published: undefined }
  }
  return await attempt('record', { findings: [], published: undefined }, () =>
    checkRecords(deployment, async (did) => {
      // The hosts are named by a DID document, which somebody else may have written.
      const fetch = createGuardedFetch({ allowLocalNetwork, maxBytes: PDS_MAX_BYTES })
      const { pdsUrl } = await resolveAccount(did, { plcUrl, fetch })
      const client = new XrpcClient({ serviceUrl: pdsUrl, fetch, secrets: new Secrets(), signal })
      return await new Repository(client, did).list()
    }),
  )
}

function examineSkeletons(
  deployment: Deployment,
  ask: Ask,
  blocked: string | undefined,
): Promise<SkeletonsResult> {
  const filled = new Set<string>()
  return blocked === undefined
    ? attempt('skeleton', { findings: [], filled }, () => checkSkeletons(deployment, ask))
    : Promise.resolve({ findings: [notesOf('skeleton').skipped(blocked)], filled })
}

function examineAppView(
  deployment: Deployment,
  ask: Ask,
  known: Parameters<typeof checkAppView>[2],
): Promise<AppViewResult> {
  return attempt('appview', { findings: [], aheadMs: undefined }, () =>
    checkAppView(deployment, ask, known),
  )
}

async function examineIngest(
  deployment: Deployment,
  ask: Ask,
  { health, reply }: ServiceResult,
): Promise<readonly Finding[]> {
  if (health === undefined) {
    return [notesOf('ingest').skipped('the service does not answer /xrpc/_health')]
  }
  return await checkIngest(deployment, ask, { health, nowMs: Date.now() + (reply?.aheadMs ?? 0) })
}

async function unless(
  blocked: string | undefined,
  check: Check,
  run: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  if (blocked !== undefined) {
    return [notesOf(check).skipped(blocked)]
  }
  return (
    await attempt(check, { findings: [] as readonly Finding[] }, async () => ({
      findings: await run(),
    }))
  ).findings
}
