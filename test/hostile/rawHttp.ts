/** HTTP as bytes on a socket: what no client library would send, and answers as they come. */
import { connect } from 'node:net'
import type { Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface Exchange {
  readonly answers: readonly RawAnswer[]
  /** What came and is no whole answer. */
  readonly rest: string
  /** `wait`: nothing more came for a while; `done`: all answers are there. */
  readonly end: 'done' | 'closed' | 'wait'
}

interface ExchangeOptions {
  readonly port: number
  /** Whether each answer, in turn, is to a HEAD and has no body. */
  readonly heads: readonly boolean[]
  /** So long after the last byte the exchange is over. */
  readonly waitMs?: number
}

/**
 * Sends bytes over a connection of their own and collects answers until there are as many as asked
 * for, the service closes, or nothing comes any more. Leaves no connection behind.
 */
export function exchange(bytes: Buffer, options: ExchangeOptions): Promise<Exchange> {
  const { port, heads, waitMs = 1_000 } = options
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    const answers: RawAnswer[] = []
    let rest: Buffer = Buffer.alloc(0)
    const finish = (end: Exchange['end']): void => {
      clearTimeout(timer)
      // Without a reset every request would leave a port behind that nobody can use for a minute.
      socket.resetAndDestroy()
      resolve({ answers, rest: rest.toString('latin1'), end })
    }
    let timer = setTimeout(() => finish('wait'), waitMs)
    socket.on('data', (data: Buffer) => {
      clearTimeout(timer)
      timer = setTimeout(() => finish('wait'), waitMs)
      rest = rest.length === 0 ? data : Buffer.concat([rest, data])
      rest = takeAnswers(rest, answers, heads)
      if (answers.length >= heads.length) {
        finish('done')
      }
    })
    socket.on('close', () => finish('closed'))
    // A reset is one way of closing.
    socket.on('error', () => {})
    socket.write(bytes)
  })
}

/**
 * Opens a connection that only sends, and does not end when the service ends its side; the caller
 * decides whether anything is ever read.
 */
export function openSilently(port: number, bytes: string): Socket {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  socket.on('error', () => {})
  socket.write(bytes)
  return socket
}

/** Moves whole answers out of the bytes; answers what is left of them. */
function takeAnswers(bytes: Buffer, answers: RawAnswer[], heads: readonly boolean[]): Buffer {
  let rest = bytes
  for (;;) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) {
      return rest
    }
    const [first = '', ...lines] = rest.toString('latin1', 0, end).split('\r\n')
    const headers = new Map(
      lines.map((line): [string, string] => {
        const colon = line.indexOf(':')
        return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()]
      }),
    )
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(first)?.[1])
    const hasNoBody = heads[answers.length] === true || status === 204 || status < 200
    const isChunked = !hasNoBody && headers.get('transfer-encoding') === 'chunked'
    const length = hasNoBody ? 0 : Number(headers.get('content-length') ?? 0)
    const lastChunk = isChunked ? rest.indexOf('0\r\n\r\n', end + 4) : 0
    const next = isChunked ? lastChunk + 5 : end + 4 + length
    if (rest.length < next || lastChunk === -1) {
      return rest
    }
    if (status >= 200) {
      answers.push({ status, headers, body: bodyOf(rest.subarray(end + 4, next), isChunked) })
    }
    rest = rest.subarray(next)
  }
}

/** The service writes its answers in one piece: of chunks, only the marks are in the way. */
function bodyOf(bytes: Buffer, isChunked: boolean): string {
  const text = bytes.toString('utf8')
  return isChunked ? text.replaceAll(/^0\r\n\r\n$|^[\da-f]+\r\n|\r\n0\r\n\r\n$/g, '') : text
}
