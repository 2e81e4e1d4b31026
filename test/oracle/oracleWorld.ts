/**
 * What may be wrong in the world of a run. Not every fault is in every world: where two of them
 * together leave open what is right, each has worlds of its own.
 */
import { createRandom } from '../support/streamGenerator.ts'

const SECOND_US = 1_000_000

export interface OracleWorld {
  /** How far the clock of each of the three hosts is ahead. */
  readonly skewsUs: readonly number[]
  /** How far each frame's time may be from that, either way. */
  readonly jitterUs: number
  /** Whether one of the hosts goes back to the start of its segment at every connection, as v2 does. */
  readonly hasV2: boolean
  /** Whether frames are up to 90 s ahead of every clock. */
  readonly hasAhead: boolean
  /** Whether frames are ahead of every clock for as long as the run lasts. */
  readonly hasFuture: boolean
  /** What happens to the clock of the service now and then. */
  readonly clock: 'right' | 'ahead' | 'behind'
  /** Whether accounts have wrong times and numbers of their own, and are told of again and late. */
  readonly hasLiars: boolean
}

export const SKEWS = {
  none: () => [0, 0, 0],
  /** What hosts are apart in fact. */
  small: () => [0, 1.5, -7],
  /** As far apart as the contract has it: one of them is right, or none. */
  minute: (share: number) => [-58 * share, 58 * (1 - share), 58 * (0.5 - share)],
  /** Each within a minute of the right time. */
  wide: () => [58, -58, 0],
} as const

type Skew = keyof typeof SKEWS

export interface WorldChoice {
  readonly skew?: Skew
  readonly clock?: OracleWorld['clock']
  readonly ahead?: boolean
  readonly future?: boolean
  readonly v2?: boolean
  readonly liars?: boolean
}

/** How far a time that a host tells may be from the right one. */
export const mostSkewUs = ({ skewsUs, jitterUs }: OracleWorld): number =>
  Math.max(...skewsUs.map((skewUs) => Math.abs(skewUs))) + jitterUs

/** Whether the clocks of hosts differ by no more than the contract allows. */
export const isWithinMinute = ({ skewsUs, jitterUs }: OracleWorld): boolean =>
  Math.max(...skewsUs) - Math.min(...skewsUs) + 2 * jitterUs <= 60 * SECOND_US

/** That of a seed, but for what is chosen. */
export function worldOf(seed: number, choice: WorldChoice = {}): OracleWorld {
  const random = createRandom(seed + 2_000_000)
  const skew = choice.skew ?? random.pick<Skew>(['none', 'none', 'small', 'minute', 'wide'])
  const clock = choice.clock ?? random.pick<OracleWorld['clock']>(['right', 'ahead', 'behind'])
  const isOneSided = random.chance(0.5)
  const share = isOneSided ? random.below(2) : random.next()
  const skewsUs = SKEWS[skew](share).map((seconds) => Math.round(seconds * SECOND_US))
  const hasFuture = random.chance(0.6)
  const hasAhead = random.chance(0.7)
  const hasV2 = random.chance(0.4)
  // While our own clock is ahead, nothing tells a frame that is ahead from one that is not.
  const isAheadTold = clock !== 'ahead'
  return {
    skewsUs: skewsUs.toSorted(() => random.next() - 0.5),
    jitterUs: skew === 'none' ? 0 : 400_000,
    hasV2: choice.v2 ?? hasV2,
    hasAhead: choice.ahead ?? (isAheadTold && hasAhead),
    hasFuture: choice.future ?? (isAheadTold && hasFuture),
    clock: clock === 'ahead' && skew === 'wide' && choice.clock === undefined ? 'right' : clock,
    hasLiars: choice.liars ?? true,
  }
}

/** In which all is right but the stream itself. */
export const RIGHT_WORLD: OracleWorld = worldOf(0, {
  skew: 'none',
  clock: 'right',
  ahead: false,
  future: true,
  v2: false,
})

export function describeWorld({ skewsUs, ...world }: OracleWorld): string {
  const skews = skewsUs.map((skewUs) => (skewUs / SECOND_US).toFixed(1)).join(', ')
  const flags = Object.entries({
    v2: world.hasV2,
    ahead: world.hasAhead,
    future: world.hasFuture,
    liars: world.hasLiars,
  })
  const has = flags.filter(([, is]) => is).map(([name]) => name)
  return `hosts at ${skews} s, our clock ${world.clock}, ${has.join(', ')}`
}
