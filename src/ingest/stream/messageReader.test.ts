import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { MessageReader } from './messageReader.ts'

const MAX = 300
const HEAD = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n')
const [CONTINUATION, TEXT, BINARY, CLOSE, PING] = [0, 1, 2, 8, 9]

function frame(kind: number, payload: Buffer, isLast = true): Buffer {
  const first = (isLast ? 0x80 : 0) | kind
  const { length } = payload
  if (length < 126) {
    return Buffer.concat([Buffer.from([first, length]), payload])
  }
  const header = length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  header[0] = first
  header[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) {
    header.writeUInt16BE(length, 2)
  } else {
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([header, payload])
}

interface Outcome {
  readonly messages: { data: Buffer; isBinary: boolean }[]
  readonly passed: Buffer
  readonly tooLarge: number
  readonly error: string | undefined
  /** Handed out before `begin`. */
  readonly early: number
}

/** What becomes of the bytes of a server that come in pieces of the given sizes. */
async function read(
  bytes: Buffer,
  sizes: Iterator<number>,
  /** So much of the answer has to have come; 0: the handshake is never found good. */
  headLength = HEAD.length,
): Promise<Outcome> {
  const inner = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  const messages: Outcome['messages'] = []
  let tooLarge = 0
  const reader = new MessageReader(inner, {
    maxBytes: MAX,
    onMessage: (bytes, [from, to], isBinary) =>
      messages.push({ data: Buffer.from(bytes.subarray(from, to)), isBinary }),
    onTooLarge: () => {
      tooLarge += 1
    },
  })
  for (let at = 0; at < bytes.length;) {
    const size = Number(sizes.next().value)
    inner.push(bytes.subarray(at, at + size))
    at += size
  }
  inner.push(null)
  const chunks: Buffer[] = []
  let early = 0
  let hasBegun = false
  let error: string | undefined
  try {
    for await (const chunk of reader) {
      chunks.push(chunk as Buffer)
      if (headLength > 0 && !hasBegun && Buffer.concat(chunks).length >= headLength) {
        early = messages.length
        reader.begin()
        hasBegun = true
      }
    }
  } catch (caught) {
    error = (caught as Error).message
  }
  return { messages, passed: Buffer.concat(chunks), tooLarge, error, early }
}

const payload = fc
  .record({
    length: fc.constantFrom(0, 1, 125, 126, 127, 299, 300, 301, 1_000, 65_535, 65_536, 70_000),
    fill: fc.nat(255),
  })
  .map(({ length, fill }) => Buffer.alloc(length, fill))
const message = fc.record({
  isBinary: fc.boolean(),
  parts: fc.array(payload, { minLength: 1, maxLength: 3 }),
  ping: fc.option(fc.nat(125).map((length) => Buffer.alloc(length, 7))),
})
const pieces = fc.infiniteStream(fc.constantFrom(1, 2, 3, 7, 50, 1_000, 66_000))

describe('a reader of messages', () => {
  test('hands out each message up to the size, and passes on the rest, wherever it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(message, { maxLength: 6 }), pieces, async (sent, sizes) => {
        const frames = sent.map(({ isBinary, parts, ping }) => {
          const control = ping === null ? NONE : frame(PING, ping)
          const kind = isBinary ? BINARY : TEXT
          const data = parts.map((part, index) =>
            frame(index === 0 ? kind : CONTINUATION, part, index === parts.length - 1),
          )
          // A ping may come between the parts of a message.
          return { bytes: [data[0] ?? NONE, control, ...data.slice(1)], control }
        })
        const bytes = Buffer.concat([HEAD, ...frames.flatMap((each) => each.bytes)])
        const { messages, passed, tooLarge, error, early } = await read(bytes, sizes)
        const whole = sent.map(({ isBinary, parts }) => ({ isBinary, data: Buffer.concat(parts) }))
        const kept = whole.filter(({ data }) => data.length <= MAX)
        expect(error).toBeUndefined()
        expect(early).toBe(0)
        expect(messages).toEqual(kept)
        expect(tooLarge).toBe(whole.length - kept.length)
        expect(passed).toEqual(Buffer.concat([HEAD, ...frames.map(({ control }) => control)]))
      }),
      { numRuns: 200 },
    )
  })

  test('hands out nothing before the handshake has been found good', async () => {
    const bytes = Buffer.concat([HEAD, frame(TEXT, Buffer.from('early'))])
    const reading = read(bytes, [bytes.length].values(), 0)
    const pending = Symbol('pending')
    const first = await Promise.race([reading, new Promise((done) => setImmediate(done, pending))])
    expect(first).toBe(pending)
  })

  test.each([
    ['without a reason', 'HTTP/1.1 101\r\nupgrade: websocket\r\n\r\n'],
    ['after another one that announces it', `HTTP/1.1 103 Early Hints\r\n\r\n${HEAD.toString()}`],
  ])('knows an answer %s', async (_, head) => {
    const bytes = Buffer.concat([Buffer.from(head), frame(TEXT, Buffer.from('first'))])
    for (const size of [1, 7, bytes.length]) {
      const sizes = Array.from({ length: bytes.length }, () => size).values()
      const { messages, passed } = await read(bytes, sizes, head.length)
      expect(messages).toHaveLength(1)
      expect(passed.toString()).toBe(head)
    }
  })

  test('passes on a close', async () => {
    const close = frame(CLOSE, Buffer.from([3, 232]))
    const bytes = Buffer.concat([HEAD, frame(TEXT, Buffer.from('last')), close])
    const { messages, passed } = await read(bytes, [bytes.length].values())
    expect(messages).toHaveLength(1)
    expect(passed).toEqual(Buffer.concat([HEAD, close]))
  })

  test('ends with an error when a message begins inside another one', async () => {
    const bytes = Buffer.concat([
      HEAD,
      frame(TEXT, Buffer.from('first'), false),
      frame(TEXT, Buffer.from('second')),
    ])
    const { messages, error } = await read(bytes, [bytes.length].values())
    expect(messages).toEqual([])
    expect(error).toBe('a message begins inside another one')
  })

  test.each([
    ['an answer that is no upgrade', 'HTTP/1.1 400 Bad Request\r\n\r\nno such cursor'],
    ['an answer that never ends its head', `HTTP/1.1 101 x\r\n${'a: b\r\n'.repeat(20_000)}`],
    ['a masked frame', `${HEAD.toString()}\u0081\u00ffrest of it`],
    ['a compressed frame', `${HEAD.toString()}\u00c1\u0002ab`],
    ['a part of no message', `${HEAD.toString()}\u0080\u0002ab`],
  ])('passes everything after %s', async (_, text) => {
    const bytes = Buffer.from(text, 'latin1')
    const { messages, passed, tooLarge } = await read(bytes, [bytes.length].values())
    expect(passed.equals(bytes)).toBe(true)
    expect(messages).toEqual([])
    expect(tooLarge).toBe(0)
  })
})

const NONE = Buffer.alloc(0)
