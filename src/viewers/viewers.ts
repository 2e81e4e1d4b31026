import type { ReadDatabase } from '../db/database.ts'
import type { SmallWrites } from '../db/smallWrites.ts'
import { createGuardedFetch } from '../identity/guardedFetch.ts'
import { IdentityError } from '../identity/identityError.ts'
import { resolveDid } from '../identity/resolveDid.ts'
import { resolveHandle } from '../identity/resolveHandle.ts'
import type { Logger } from '../logger.ts'
import type { Clock } from '../time.ts'
import { checkSignatures } from './checkSignatures.ts'
import { createVerifier } from './createVerifier.ts'
import { FollowLists } from './followLists.ts'
import { createPageReader } from './followPage.ts'
import type { Follow } from './followPage.ts'
import { forgetOldViewers } from './forgetViewers.ts'
import { Identities } from './identities.ts'
import { LessLists } from './lessLists.ts'
import { LookupRation } from './lookupRation.ts'
import { SeenPosts } from './seenPosts.ts'
import type { VerifyViewer } from './verifyViewer.ts'
import { walkFollows } from './walkFollows.ts'

export interface ViewersOptions {
  readonly reader: ReadDatabase
  readonly writes: SmallWrites
  readonly serviceDid: string
  readonly plcUrl: string
  readonly allowLocalNetwork: boolean
  readonly clock: Clock
  readonly logger: Logger
  readonly onWalk?: (outcome: 'whole' | 'failed', seconds: number) => void
}

/** Who asks, whom they follow, what they asked to see less of, and what they have seen. */
export interface Viewers extends AsyncDisposable {
  readonly verify: VerifyViewer
  readonly follows: FollowLists
  readonly less: LessLists
  readonly seen: SeenPosts
  /** The DID of a handle. @throws IdentityError */
  resolveHandle(handle: string): Promise<string>
  /** Something has changed about the identity of an account. */
  forgetIdentity(did: string): void
}

/** A page of 100 records is some 30 KB. */
const PAGE_BYTES = 512 * 1024
const REQUEST_MS = 10_000

/** @throws when signatures cannot be verified on this machine */
export async function openViewers(options: ViewersOptions): Promise<Viewers> {
  const { reader, writes, clock, logger, plcUrl, allowLocalNetwork } = options
  await checkSignatures()
  await using stack = new AsyncDisposableStack()
  const limits = { timeoutMs: REQUEST_MS, maxBytes: PAGE_BYTES }
  const fetch = createGuardedFetch({ allowLocalNetwork, ...limits })
  const identities = new Identities({ resolve: (did) => resolveDid(did, { plcUrl, fetch }) })
  const ration = new LookupRation(5, 20)
  const readAll = (did: string, pdsUrl: string): Promise<Follow[]> =>
    walkFollows(createPageReader(did, { pdsUrl, fetch }))

  /** An account may have moved to another PDS since its document was read. */
  async function walk(did: string): Promise<Follow[]> {
    const { pdsUrl } = await identities.find(did)
    try {
      if (pdsUrl === undefined) {
        throw new IdentityError('the DID document of the viewer names no PDS')
      }
      return await readAll(did, pdsUrl)
    } catch (error) {
      const anew = (await identities.findAnew(did))?.pdsUrl
      if (anew === undefined || anew === pdsUrl) {
        throw error
      }
      return await readAll(did, anew)
    }
  }

  const less = stack.use(new LessLists({ reader, writes, clock }))
  await less.refresh()
  const seen = stack.use(new SeenPosts(writes, logger))
  stack.use(forgetOldViewers({ writes, clock, logger }))
  const { onWalk } = options
  const follows = new FollowLists({
    reader,
    writes,
    walk,
    clock,
    logger,
    ...(onWalk && { onWalk }),
  })
  const verify = createVerifier({ serviceDid: options.serviceDid, identities, clock })
  const resources = stack.move()
  return {
    verify,
    follows,
    less,
    seen,
    resolveHandle: (handle) =>
      ration.take()
        ? resolveHandle(handle, { fetch })
        : Promise.reject(new IdentityError('too many handles are asked for now')),
    forgetIdentity: (did) => identities.forget(did),
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  }
}
