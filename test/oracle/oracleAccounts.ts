/** What the oracle's stream says of accounts, and what it says that changes no post. */
import { deleteRecord, identityEvent, writeRecord } from '../support/events.ts'
import type { JetstreamEvent } from '../support/events.ts'
import type { Random } from '../support/streamGenerator.ts'
import { postFields } from './oracleRecords.ts'

export interface AccountSay {
  readonly active: boolean
  readonly status?: string
  /** The account's own time. */
  readonly sentUs: number
  readonly seq: number
}

const DOWN = ['takendown', 'suspended', 'deactivated', 'deactivated', 'deleted', 'throttled']

/** News of an account: later than `before`, or as late with a higher number. */
export function accountNews(
  before: AccountSay | undefined,
  now: { readonly timeUs: number; readonly seq: number },
  random: Random,
): AccountSay {
  const active = random.chance(before?.active === false ? 0.75 : 0.25)
  const isOdd = active && random.chance(0.1)
  const status = active ? (isOdd ? 'deleted' : undefined) : random.pick(DOWN)
  const nowUs = Math.floor(now.timeUs / 1000) * 1000
  const sentUs = before !== undefined && random.chance(0.15) ? before.sentUs : nowUs
  return { active, ...(status && { status }), sentUs, seq: now.seq }
}

/** What was true of an account some time ago, whatever has been said since. */
export function staleNews({ sentUs, seq }: AccountSay, random: Random): AccountSay {
  const earlierUs = random.below(3) * 500_000
  return {
    active: random.chance(0.5),
    status: random.pick(DOWN),
    sentUs: sentUs - earlierUs,
    seq: seq + (earlierUs === 0 ? -1 : 1_000_000),
  }
}

type AnyEvent = JetstreamEvent | { did: string; time_us: number; kind: 'label' }

/** Other collections, identities, kinds that nobody knows: nothing of it concerns a feed. */
export function unrelatedEvent(
  options: { readonly timeUs: number; readonly did: string; readonly rkey: string },
  random: Random,
): AnyEvent {
  const { timeUs, did } = options
  const { facets, text } = postFields('root', random)
  return random.pick<AnyEvent>([
    writeRecord('create', 'app.bsky.feed.like', options, { facets, text }),
    writeRecord('update', 'app.bsky.actor.profile', { ...options, rkey: 'self' }, { text }),
    deleteRecord('app.bsky.graph.follow', options),
    identityEvent({ timeUs, did, handle: 'someone.example.com' }),
    { did, time_us: timeUs, kind: 'label' },
  ])
}
