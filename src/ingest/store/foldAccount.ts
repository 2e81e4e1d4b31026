/**
 * Which frame of an account counts (contract, section 4, Accounts). There are two clocks: that of the
 * frame (`time_us`, a host's), and that of the account (`account.time`, a PDS's, never taken as later than
 * the frame's). Each is remembered at its latest. A frame counts if it is later than the latest seen by
 * either. One that was told before does not: hosts whose clocks differ tell the same frames at other
 * times, so the latest eight are remembered by what they say.
 *
 * They are remembered in the order in which they counted. Should a host tell more than eight again, those
 * from the ninth on count once more, each pushing out the next: the last one that is told decides.
 */
import type { Us } from '../../time.ts'
import type { SetAccount } from '../events/operations.ts'

export interface AccountState {
  /** Undefined until the row is written. */
  readonly id: number | undefined
  readonly active: boolean
  readonly status: string | undefined
  /** The latest by the clock of frames, and by the account's own; -1 = none seen. */
  readonly toldUs: Us
  readonly time: Us
  /** The latest eight frames that counted, as `packFrame` writes them; undefined = none. */
  readonly frames: string | undefined
  /** When the stream told that the account was deleted, by the event's time; -1 = never. */
  readonly erasedUs: Us
}

/** An account that the stream has told nothing about. */
export const UNTOLD_ACCOUNT: AccountState = {
  id: undefined,
  active: true,
  status: undefined,
  toldUs: -1,
  time: -1,
  frames: undefined,
  erasedUs: -1,
}

/** What an account frame does to the posts of its account. */
export type AccountChange = 'none' | 'hide' | 'show' | 'erase'

const REMEMBERED_FRAMES = 8

/** The account after one more frame; undefined when the frame does not count. */
export function foldAccount(state: AccountState, op: SetAccount): AccountState | undefined {
  if (op.foundSinceUs !== undefined) {
    return foldFinding(state, op, op.foundSinceUs)
  }
  const frame = packFrame(op)
  const frames = state.frames?.split(' ') ?? []
  const { toldUs, time } = clocksOf(state, op)
  const isLater = toldUs > state.toldUs || time > state.time
  if (!isLater || frames.includes(frame)) {
    return undefined
  }
  return {
    ...state,
    active: op.active,
    status: op.status,
    toldUs: Math.max(state.toldUs, toldUs),
    time: Math.max(state.time, time),
    frames: [...frames, frame].slice(-REMEMBERED_FRAMES).join(' '),
    erasedUs: changeOf(state, op) === 'erase' ? op.timeUs : state.erasedUs,
  }
}

/**
 * The account after a frame that is told again, which changes nothing of it: but it has been seen, and
 * the account's clock with it. Without that it would count once it is told a third time, by a replay,
 * when eight others have followed. Undefined when nothing is to be remembered.
 */
export function noteToldAgain(state: AccountState, op: SetAccount): AccountState | undefined {
  const isToldAgain = state.frames?.split(' ').includes(packFrame(op)) === true
  const { time } = clocksOf(state, op)
  return isToldAgain && time > state.time ? { ...state, time } : undefined
}

/**
 * What its own server says of an account. It is no frame that anybody tells again; it holds only if
 * nothing was told since the account was asked for, and gives way to whatever is told later.
 */
function foldFinding(
  state: AccountState,
  { active, status, toldUs }: SetAccount,
  foundSinceUs: Us,
): AccountState | undefined {
  const isAsked = !state.active && state.status === 'deactivated' && state.toldUs === foundSinceUs
  return isAsked ? { ...state, active, status, toldUs: Math.max(state.toldUs, toldUs) } : undefined
}

/** What is ahead of our clock counts as of now, and now is later than all that was seen. */
function clocksOf(state: AccountState, op: SetAccount): Pick<AccountState, 'toldUs' | 'time'> {
  const toldUs = op.isAhead ? Math.max(op.toldUs, state.toldUs + 1) : op.toldUs
  return { toldUs, time: Math.min(op.time, toldUs) }
}

/** What a frame that counts means for the posts that are stored. */
export function changeOf(state: AccountState, op: SetAccount): AccountChange {
  if (!op.active && op.status === 'deleted') {
    return 'erase'
  }
  if (op.active === state.active) {
    return 'none'
  }
  return op.active ? 'show' : 'hide'
}

/** What a frame says. A status holds no blank. */
function packFrame({ time, active, status }: SetAccount): string {
  return `${time}${active ? '+' : '-'}${status ?? ''}`
}
