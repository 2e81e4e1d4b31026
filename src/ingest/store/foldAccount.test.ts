import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { framesThatCount } from '../../../test/support/accountModel.ts'
import type { ModelFrame } from '../../../test/support/accountModel.ts'
import type { SetAccount } from '../events/operations.ts'
import { projectEvent } from '../events/projectEvent.ts'
import { KeptPosts } from '../memory/keptPosts.ts'
import { KnownRecords } from '../memory/knownRecords.ts'
import { UNTOLD_ACCOUNT, changeOf, foldAccount, noteToldAgain } from './foldAccount.ts'
import type { AccountState } from './foldAccount.ts'

const S = 1_000_000
const NOW = 1_800_000_000 * S
const YEAR_2099 = 4_070_908_800 * S

type Say = Partial<Omit<ModelFrame, 'active'>>
const on = (timeUs: number, say: Say = {}): ModelFrame => ({
  active: true,
  status: undefined,
  timeUs,
  time: timeUs,
  nowUs: NOW,
  ...say,
})
const off = (timeUs: number, status: string, say: Say = {}): ModelFrame => ({
  ...on(timeUs, say),
  active: false,
  status,
})

/** As the ingester and the projection make of a frame what the store gets. */
function opOf({ timeUs, time, active, status, nowUs }: ModelFrame): SetAccount {
  const toldUs = Math.min(timeUs, nowUs)
  const isAhead = toldUs < timeUs
  return { kind: 'setAccount', did: 'did:plc:a', active, status, timeUs, toldUs, isAhead, time }
}

function fold(...frames: readonly ModelFrame[]): AccountState {
  return frames.reduce<AccountState>(
    (state, frame) => foldAccount(state, opOf(frame)) ?? noteToldAgain(state, opOf(frame)) ?? state,
    UNTOLD_ACCOUNT,
  )
}

const T = NOW - 3_600 * S

describe('an account', () => {
  test.each([
    ['dated 2099, then taken down', [on(T, { time: YEAR_2099 }), off(T + S, 'takendown')], false],
    ['dated 2099, then deleted', [on(T, { time: YEAR_2099 }), off(T + S, 'deleted')], false],
    [
      'two minutes ahead, then taken down',
      [on(T, { time: T + 120 * S }), off(T + S, 'takendown')],
      false,
    ],
    [
      'deactivated an hour ahead, then active',
      [off(T, 'deactivated', { time: T + 3_600 * S }), on(T + S)],
      true,
    ],
    ['deleted dated 2099, then active', [off(T, 'deleted', { time: YEAR_2099 }), on(T + S)], true],
    [
      'told by a host that is behind, with a clock of its own that is ahead',
      [off(T, 'takendown'), on(T - 30 * S, { time: T + S })],
      false,
    ],
    [
      'later by its own clock alone',
      [off(T, 'takendown', { time: T - 60 * S }), on(T - 30 * S, { time: T - 40 * S })],
      true,
    ],
    [
      'later by the clock of the host alone',
      [off(T, 'takendown'), on(T + S, { time: T - S })],
      true,
    ],
    ['later by neither', [off(T, 'takendown'), on(T - S, { time: T - S })], false],
    [
      'ahead of our clock, with a clock of its own that is ahead too',
      [
        off(NOW + 30 * S, 'deactivated', { time: YEAR_2099 }),
        on(NOW + 31 * S, { time: YEAR_2099 }),
      ],
      true,
    ],
    [
      'ahead of our clock, then told by a host that is right',
      [on(NOW + 50 * S), off(NOW + S, 'takendown', { nowUs: NOW + 2 * S })],
      false,
    ],
  ])('%s', (_, frames, active) => {
    expect(fold(...frames).active).toBe(active)
  })

  test('is not changed by what is told again by a host whose clock is ahead, not even in passing', () => {
    const frames = [off(T, 'deactivated'), on(T + S), off(T + 2 * S, 'suspended'), on(T + 3 * S)]
    const before = fold(...frames)
    for (const frame of frames) {
      const again = opOf({ ...frame, timeUs: frame.timeUs + 60 * S })
      expect(foldAccount(before, again)).toBeUndefined()
    }
  })

  test('ends as the stream does when more than eight frames are told again', () => {
    const frames = Array.from({ length: 30 }, (_, index) =>
      index % 3 === 0 ? on(T + index * S) : off(T + index * S, 'deactivated'),
    )
    for (let from = 0; from < frames.length; from += 1) {
      const replay = frames.slice(from).map((one) => ({ ...one, timeUs: one.timeUs + 60 * S }))
      expect(fold(...frames, ...replay).active).toBe(fold(...frames).active)
    }
  })

  test('remembers of many frames no more than eight', () => {
    const frames = Array.from({ length: 100 }, (_, index) => on(T + index * S))
    expect(fold(...frames).frames?.split(' ')).toHaveLength(8)
  })

  test('follows the rule of the contract, whatever is told in whichever order', () => {
    const frame = fc.record({
      active: fc.boolean(),
      status: fc.constantFrom(undefined, 'deactivated', 'takendown'),
      timeUs: fc.nat(12),
      time: fc.oneof(fc.nat(12), fc.constant(YEAR_2099)),
      nowUs: fc.constantFrom(3, 6, 100),
    })
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 40 }), (frames) => {
        let state = UNTOLD_ACCOUNT
        const counted = frames.filter((one) => {
          const after = foldAccount(state, opOf(one))
          state = after ?? noteToldAgain(state, opOf(one)) ?? state
          return after !== undefined
        })
        expect(counted).toEqual(framesThatCount(frames))
        expect(state.active).toBe(counted.at(-1)?.active ?? true)
      }),
      { numRuns: 2_000 },
    )
  })

  test('is left as the stream describes it by replays of two hosts with different clocks', () => {
    const kinds = fc.constantFrom('on', 'deactivated', 'takendown')
    const streams = fc.array(kinds, { minLength: 1, maxLength: 8 })
    const replays = fc.array(
      fc.record({ skew: fc.integer({ min: -60, max: 60 }), from: fc.nat(7) }),
    )
    fc.assert(
      fc.property(streams, replays, (said, again) => {
        const frames = said.map((kind, index) =>
          kind === 'on' ? on(T + index * S) : off(T + index * S, kind),
        )
        const once = fold(...frames)
        const told = again.flatMap(({ skew, from }) =>
          frames.slice(from).map((one) => ({ ...one, timeUs: one.timeUs + skew * S })),
        )
        expect(fold(...frames, ...told)).toEqual(once)
      }),
      { numRuns: 1_000 },
    )
  })

  test.each([
    ['hides one that is not active', on(T), off(T + S, 'takendown'), 'hide'],
    ['shows one that comes back', off(T, 'takendown'), on(T + S), 'show'],
    ['erases one that is deleted', on(T), off(T + S, 'deleted'), 'erase'],
    ['erases a hidden one too', off(T, 'takendown'), off(T + S, 'deleted'), 'erase'],
    ['does nothing when it stays as it is', off(T, 'takendown'), off(T + S, 'suspended'), 'none'],
  ])('%s', (_, before, after, change) => {
    expect(changeOf(fold(before), opOf(after))).toBe(change)
  })
})

describe('what its own server says of an account', () => {
  const hidden = fold(off(T, 'deactivated'))
  const finding: SetAccount = { ...opOf(on(T + 90 * S)), foundSinceUs: T }

  test('shows it, and gives way to what is told later', () => {
    const shown = foldAccount(hidden, finding)
    expect(shown).toMatchObject({ active: true, frames: hidden.frames })
    const again = opOf(off(T + 60 * S, 'deactivated', { time: T }))
    expect(foldAccount(shown as AccountState, again)).toBeUndefined()
    const later = opOf(off(T + 91 * S, 'deactivated'))
    expect(foldAccount(shown as AccountState, later)).toMatchObject({ active: false })
  })

  test.each([
    ['was told anything since', fold(off(T, 'deactivated'), off(T + S, 'deactivated'))],
    ['is hidden for another reason', fold(off(T, 'takendown'))],
    ['is deleted', fold(off(T, 'deleted'))],
    ['is shown', fold(on(T))],
  ])('does not count when the account %s', (_, state) => {
    expect(foldAccount(state, finding)).toBeUndefined()
  })
})

test('a frame that is told again is seen: it does not count when it is told once more, after eight others', () => {
  const far = 4_102_444_799_000_000
  const others = Array.from({ length: 7 }, (_, index) => on(T + (index + 1) * S))
  const state = fold(off(T, 'deactivated', { time: far }), ...others)
  const again = opOf(off(T + 8 * S, 'deactivated', { time: far }))
  expect(foldAccount(state, again)).toBeUndefined()
  const seen = noteToldAgain(state, again)
  expect(seen).toEqual({ ...state, time: T + 8 * S })
  const later = foldAccount(seen as AccountState, opOf(on(T + 9 * S)))
  expect(later?.frames).not.toContain('deactivated')
  expect(foldAccount(later as AccountState, again)).toBeUndefined()
  expect(noteToldAgain(later as AccountState, again)).toBeUndefined()
})

test('a frame without a readable account.time counts by its own time', () => {
  const projection = { keepTag: () => true, kept: new KeptPosts(), known: new KnownRecords() }
  const account = { kind: 'account' as const, did: 'did:plc:a', status: undefined, timeUs: T }
  const event = { ...account, active: true, time: 'yesterday' }
  expect(projectEvent(event, { datedUs: T, orderUs: T }, projection)).toMatchObject({
    time: T,
    toldUs: T,
    isAhead: false,
  })
})
