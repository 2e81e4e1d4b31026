import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CommittedPosition } from '../../status/position.ts'
import { MAX_AHEAD_US } from '../clocks/clockJudge.ts'
import { PositionKeeper } from './positionKeeper.ts'
import { resumeCursor } from './resumeCursor.ts'
import { createConnection } from './streamFrame.ts'
import type { Connection } from './streamFrame.ts'

const SECOND = 1_000_000
const HOUR = 3_600 * SECOND
const START = 1_800_000_000 * SECOND

/** An event of the network: when it happened, and what is wrong with the frame that tells of it. */
interface Told {
  readonly atUs: number
  readonly aheadUs: number
  readonly isGood: boolean
}

const steps = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.record({
        kind: fc.constant('events' as const),
        count: fc.integer({ min: 1, max: 12 }),
        everyMs: fc.constantFrom(1, 40, 700, 3_000, 9_000),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('stray' as const),
        aheadUs: fc.oneof(
          fc.integer({ min: 0, max: 90 * SECOND }),
          fc.integer({ min: 0, max: 7 * HOUR }),
        ),
        isGood: fc.boolean(),
      }),
    },
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('read' as const), count: fc.nat(30) }) },
    { weight: 4, arbitrary: fc.constant({ kind: 'commit' as const }) },
    { weight: 2, arbitrary: fc.constant({ kind: 'silence' as const }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constant('cut' as const), host: fc.nat(2) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('kill' as const), host: fc.nat(2) }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('wait' as const),
        seconds: fc.oneof(fc.integer({ min: 5, max: 200 }), fc.constantFrom(3_600, 25_000)),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constant('clock' as const),
        offsetUs: fc.oneof(
          fc.integer({ min: -60 * SECOND, max: 60 * SECOND }),
          fc.constantFrom(HOUR, 30 * HOUR, 960 * HOUR),
        ),
      }),
    },
  ),
  { minLength: 5, maxLength: 60 },
)

/** Hosts that date events by clocks of their own, a service that is cut off and killed, and its clock. */
class World {
  nowUs = START
  offsetUs = 0
  readonly told: Told[] = []
  readonly committed = new Set<Told>()
  readonly #skews: readonly number[]
  #read = new Set<Told>()
  #stored: CommittedPosition | undefined
  #keeper = new PositionKeeper(undefined)
  #connection: Connection | undefined
  #host = 0
  #next = 0

  constructor(skews: readonly number[]) {
    this.#skews = skews
  }

  get clockUs(): number {
    return this.nowUs + this.offsetUs
  }

  tell(aheadUs = 0, isGood = true, everyUs = 1_000): void {
    this.nowUs += everyUs
    this.told.push({ atUs: this.nowUs, aheadUs, isGood })
  }

  connect(host: number): void {
    if (this.#connection !== undefined) {
      this.#connection.isOver = true
    }
    this.#host = host % this.#skews.length
    const name = `host${this.#host}`
    const startUs = START - HOUR
    const position = this.#keeper.committed
    const cursor = resumeCursor({ position, host: name, startUs, nowUs: this.clockUs }) ?? 0
    const first = this.told.findIndex((event) => this.#filedUs(event) >= cursor)
    const isFuture = cursor > this.nowUs + this.#skew
    this.#next = first === -1 || isFuture ? this.told.length : first
    this.#connection = createConnection(name, { cursor, hosts: this.#skews.length })
  }

  read(count: number): void {
    const connection = this.#connection
    // Nearly all events would be far ahead of our clock: they wait.
    if (connection === undefined || this.#skew - this.offsetUs > MAX_AHEAD_US) {
      return
    }
    for (const event of this.told.slice(this.#next, this.#next + count)) {
      const timeUs = this.#filedUs(event) + event.aheadUs
      const isAhead = timeUs > this.clockUs + MAX_AHEAD_US
      if (!isAhead && (event.isGood || timeUs <= this.clockUs)) {
        this.#keeper.note(connection, timeUs, event.isGood)
      }
      this.#read.add(event)
      this.#next += 1
    }
  }

  commit(): void {
    const { position, gap } = this.#keeper.next(this.clockUs)
    if (gap !== undefined) {
      throw new Error('a gap where there is none')
    }
    this.#keeper.committedAt(position, this.clockUs)
    if (position !== undefined) {
      const isMoved = position.timeUs !== this.#stored?.timeUs
      const committedUs = isMoved ? this.clockUs : (this.#stored?.committedUs ?? 0)
      this.#stored = { ...position, committedUs }
    }
    this.#read.forEach((event) => this.committed.add(event))
    this.#read = new Set()
  }

  silence(): void {
    // Also a host that has more to send may pause.
    if (this.#keeper.isUnsettled) {
      this.#keeper.settle()
      this.commit()
    }
  }

  kill(host: number): void {
    this.#read = new Set()
    this.#keeper = new PositionKeeper(this.#stored)
    this.#connection = undefined
    this.connect(host)
  }

  get #skew(): number {
    return this.#skews[this.#host] ?? 0
  }

  #filedUs({ atUs }: Told): number {
    return atUs + this.#skew
  }
}

describe('the position', () => {
  test('is followed by no gap where a connection ends among the first frames of a sparse stream', () => {
    const at = { timeUs: START - HOUR, host: 'a', disorderUs: 0, committedUs: START - HOUR }
    const keeper = new PositionKeeper(at)
    const connection = createConnection('a', { cursor: at.timeUs - 5 * SECOND })
    for (const seconds of [0, 600, 1_200]) {
      keeper.note(connection, at.timeUs + seconds * SECOND, true)
    }
    keeper.committedAt(keeper.next(START).position, START)
    connection.isOver = true
    keeper.settle()
    expect(keeper.next(START).gap).toBeUndefined()
  })

  test('leads back to all that was not read, whatever clocks, hosts and connections do', () => {
    const skew = fc.integer({ min: -60 * SECOND, max: 60 * SECOND })
    fc.assert(
      fc.property(fc.tuple(skew, skew, fc.constant(0)), steps, (skews, plan) => {
        const world = new World(skews)
        world.connect(0)
        for (const step of plan) {
          switch (step.kind) {
            case 'events':
              for (let index = 0; index < step.count; index += 1) {
                world.tell(0, true, step.everyMs * 1_000)
              }
              break
            case 'stray':
              world.tell(step.aheadUs, step.isGood)
              break
            case 'read':
              world.read(step.count)
              break
            case 'commit':
              world.commit()
              break
            case 'silence':
              world.silence()
              break
            case 'cut':
              world.connect(step.host)
              break
            case 'kill':
              world.kill(step.host)
              break
            case 'wait':
              world.nowUs += step.seconds * SECOND
              break
            case 'clock':
              world.offsetUs = step.offsetUs
              break
          }
        }
        world.offsetUs = 0
        world.connect(2)
        world.read(Number.POSITIVE_INFINITY)
        world.commit()
        expect(world.told.filter((event) => !world.committed.has(event))).toEqual([])
      }),
      { numRuns: 1_500 },
    )
  })
})
