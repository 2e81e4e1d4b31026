/**
 * Every request goes through here. While there is time, which is nearly always, it is answered at once.
 * Otherwise it waits, and those that wait are answered for a few milliseconds a turn of the event loop:
 * Node accepts one connection a turn, and reads from all others, so that a long turn keeps everybody
 * waiting. Whoever would wait too long is turned away at once: pages for people first, readers last.
 */
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { Answerer } from './answerer.ts'
import { AnswersUnderWay } from './answersUnderWay.ts'
import { ClientConnection, endDeaf } from './clientConnection.ts'
import type { Asked } from './clientConnection.ts'
import { INCOMPLETE, PREPARED_TOO_BUSY, sendError, sendPrepared } from './plainErrors.ts'
import { RestingClients } from './restingClients.ts'
import { Shedder, kindOf } from './shedder.ts'
import type { RequestKind } from './shedder.ts'
import { WaitingLine } from './waitingLine.ts'

/**
 * How long requests are answered in a turn of the event loop: at least so long, and as long as all else
 * took in the turn before, which may be the hearing of thousands that are turned away.
 */
const SLICE_MS = { least: 5, most: 25 }
/** While connections wait to be accepted, one a turn. */
const MAX_ACCEPTING_SLICE_MS = 1
/** Requests of one connection that wait for the answer to one before. */
const MAX_LINE = 1_000
/** The same while connections have many of them together: a request takes some 4 KB. */
const MAX_LINE_WHEN_FULL = 20
const MAX_LINES = 10_000
const LOOK_FOR_DEAF_MS = 5_000

export class RequestQueue implements Disposable {
  #answerer: Answerer
  readonly #answer = (asked: Asked): void => this.#answerer.answer(asked)
  readonly #connections = new Map<Socket, ClientConnection>()
  readonly #waiting: Readonly<Record<RequestKind, WaitingLine<Asked>>> = {
    reader: new WaitingLine(),
    page: new WaitingLine(),
  }
  readonly #underWay = new AnswersUnderWay({
    late: (asked) => this.#answerer.late?.(asked),
    ended: () => this.#nextTurn(),
  })
  readonly #shedder = new Shedder()
  readonly #resting = new RestingClients(() => this.#nextTurn())
  /** Requests in the lines of all connections. */
  #lined = 0
  #isTurnAwaited = false
  /** When no more is answered in this turn; 0 before the first request of a turn. */
  #turnEndsAt = 0
  /** When requests that had waited were answered last. */
  #sliceEndedAt = 0
  readonly #deafTimer: NodeJS.Timeout

  constructor(answerer: Answerer) {
    this.#answerer = answerer
    this.#deafTimer = setInterval(
      () => endDeaf(this.#connections.values()),
      LOOK_FOR_DEAF_MS,
    ).unref()
  }

  [Symbol.dispose](): void {
    clearInterval(this.#deafTimer)
    this.#resting[Symbol.dispose]()
    this.#underWay[Symbol.dispose]()
  }

  /** From now on another one answers. */
  use(answerer: Answerer): void {
    this.#answerer = answerer
  }

  attach(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#shedder.accepted(performance.now())
      this.#adopt(socket)
      this.#nextTurn()
    })
    server.on('request', (request: IncomingMessage, response: ServerResponse) =>
      this.admit(request, response),
    )
  }

  admit(request: IncomingMessage, response: ServerResponse, answer = this.#answer): void {
    const { socket } = request
    const connection = this.#connections.get(socket) ?? this.#adopt(socket)
    const now = performance.now()
    const asked: Asked = {
      request,
      response,
      answer,
      arrivedAt: now,
      begunAt: now,
      isOver: false,
    }
    if (!connection.isBusy) {
      if (connection.current === undefined) {
        // It may have come with its connection, and have waited with it.
        asked.arrivedAt = this.#shedder.arrivalOf(now)
      }
      connection.begin(asked, now)
    } else if (connection.waiting < (this.#lined < MAX_LINES ? MAX_LINE : MAX_LINE_WHEN_FULL)) {
      this.#lined += 1
      connection.wait(asked)
    } else {
      socket.destroy()
    }
  }

  /**
   * The rest of the request that is worked on never comes: it is refused if it has no answer yet.
   * Returns false where the last request was whole.
   */
  breakOff(socket: Socket): boolean {
    const current = this.#connections.get(socket)?.current
    if (current === undefined || current.request.complete) {
      return false
    }
    if (!current.response.writableEnded) {
      current.isOver = true
      sendError(current.response, INCOMPLETE, ['connection', 'close'])
    }
    return true
  }

  /** Calls back when everything that came over a connection so far is answered. */
  whenIdle(socket: Socket, listener: () => void): void {
    const connection = this.#connections.get(socket)
    if (connection === undefined) {
      listener()
    } else {
      connection.whenIdle(listener)
    }
  }

  #adopt(socket: Socket): ClientConnection {
    const connection: ClientConnection = new ClientConnection(
      socket,
      (asked, now) => {
        this.#begin(connection, asked, now)
      },
      () => {
        this.#lined -= 1
      },
    )
    this.#connections.set(socket, connection)
    socket.once('close', () => {
      this.#connections.delete(socket)
      this.#lined -= connection.waiting
      this.#left(connection.current)
    })
    return connection
  }

  /** A client is gone; work for it stops. */
  #left(asked: Asked | undefined): void {
    if (asked !== undefined && !asked.isOver && !asked.response.writableFinished) {
      asked.isOver = true
      this.#answerer.abandoned?.(asked)
    }
  }

  #begin(connection: ClientConnection, asked: Asked, now: number): void {
    const kind = kindOf(asked.request.url ?? '')
    const isFree = this.#waiting.reader.length === 0 && this.#waiting.page.length === 0
    const isNow = isFree && !this.#shedder.isAccepting && this.#underWay.hasRoom(kind)
    if (isNow && this.#hasTime(now)) {
      this.#run(kind, asked, now)
    } else if (this.#shedder.isWelcome(kind, asked, now, this.#lengthBefore(kind))) {
      this.#waiting[kind].push(asked)
      this.#nextTurn()
    } else {
      this.#refuse(kind, asked, connection)
    }
  }

  /** How many are answered before the next one of that kind. */
  #lengthBefore(kind: RequestKind): number {
    const { reader, page } = this.#waiting
    return kind === 'reader' ? reader.length : reader.length + page.length
  }

  #hasTime(now: number): boolean {
    if (this.#turnEndsAt === 0) {
      this.#turnEndsAt = now + SLICE_MS.least
      this.#nextTurn()
    }
    return now < this.#turnEndsAt
  }

  /** Until when requests that have waited are answered in a turn that has just begun. */
  #sliceEnd(now: number): number {
    const elapsed = now - this.#sliceEndedAt
    if (this.#shedder.isAccepting) {
      // One answer in so many turns that there is as much time for connections as for answers.
      return elapsed < this.#shedder.answerMs ? 0 : now + Math.min(MAX_ACCEPTING_SLICE_MS, elapsed)
    }
    return now + Math.min(SLICE_MS.most, Math.max(SLICE_MS.least, elapsed))
  }

  #nextTurn(): void {
    if (!this.#isTurnAwaited) {
      this.#isTurnAwaited = true
      setImmediate(() => this.#turn())
    }
  }

  #turn(): void {
    this.#isTurnAwaited = false
    this.#turnEndsAt = 0
    this.#shedder.turned()
    const startedAt = performance.now()
    const endsAt = this.#sliceEnd(startedAt)
    // What cannot be answered in time is turned away even while others keep all answers to themselves.
    const refusedUntil = startedAt + Math.max(0, endsAt - startedAt) / 4
    this.#refuseLate(startedAt, refusedUntil)
    this.#resting.end(startedAt, refusedUntil)
    let answered = 0
    const since = performance.now()
    let now = since
    while (now < endsAt) {
      const kind = this.#nextKind()
      const asked = kind && this.#waiting[kind].shift()
      if (kind === undefined || asked === undefined) {
        break
      }
      answered += this.#take(kind, asked, now)
      now = performance.now()
    }
    if (endsAt > 0) {
      this.#sliceEndedAt = now
    }
    const isFree = this.#lengthBefore('page') === 0
    this.#shedder.answered(answered, { since, now, isFree })
    if (this.#nextKind() !== undefined || this.#shedder.isAccepting) {
      this.#nextTurn()
    }
  }

  #refuseLate(now: number, until: number): void {
    for (const kind of ['page', 'reader'] as const) {
      const line = this.#waiting[kind]
      for (let asked = line.peek(); asked !== undefined; asked = line.peek()) {
        const isLate = asked.isOver || this.#isTooLate(kind, asked, now)
        if (!isLate || performance.now() >= until) {
          break
        }
        line.shift()
        this.#takeLate(kind, asked)
      }
    }
  }

  #isTooLate(kind: RequestKind, asked: Asked, now: number): boolean {
    return this.#shedder.hasWaitedTooLong(kind, asked, now, this.#lengthBefore('page'))
  }

  #nextKind(): RequestKind | undefined {
    const { reader, page } = this.#waiting
    if (reader.length > 0 && this.#underWay.hasRoom('reader')) {
      return 'reader'
    }
    const isTime = page.length > 0 && !this.#shedder.isAccepting
    return isTime && this.#underWay.hasRoom('page') ? 'page' : undefined
  }

  /** Answers one that has waited, if anybody still waits for it; returns how many were answered. */
  #take(kind: RequestKind, asked: Asked, now: number): number {
    if (asked.isOver || this.#isTooLate(kind, asked, now)) {
      this.#takeLate(kind, asked)
      return 0
    }
    this.#run(kind, asked, now)
    return 1
  }

  #takeLate(kind: RequestKind, asked: Asked): void {
    const connection = this.#connections.get(asked.request.socket)
    if (!asked.isOver && connection !== undefined) {
      this.#refuse(kind, asked, connection)
    }
  }

  #run(kind: RequestKind, asked: Asked, now: number): void {
    asked.begunAt = now
    asked.answer(asked)
    if (!asked.response.writableEnded) {
      this.#underWay.add(kind, asked)
    }
  }

  #refuse(kind: RequestKind, asked: Asked, connection: ClientConnection): void {
    asked.isOver = true
    sendPrepared(asked.response, PREPARED_TOO_BUSY)
    this.#answerer.refused?.(kind)
    this.#resting.add(connection)
  }
}
