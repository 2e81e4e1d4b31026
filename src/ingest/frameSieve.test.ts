import { Duplex } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { FrameSieve } from './frameSieve.ts'

const MAX = 300
const HEAD = Buffer.from('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n')

function frame(payload: Buffer): Buffer {
  const { length } = payload
  if (length < 126) {
    return Buffer.concat([Buffer.from([0x81, length]), payload])
  }
  const header = length < 65_536 ? Buffer.alloc(4) : Buffer.alloc(10)
  header[0] = 0x81
  header[1] = length < 65_536 ? 126 : 127
  if (length < 65_536) {
    header.writeUInt16BE(length, 2)
  } else {
    header.writeBigUInt64BE(BigInt(length), 2)
  }
  return Buffer.concat([header, payload])
}

/** What comes out when the bytes go in, in pieces of the given sizes. */
async function sift(
  bytes: Buffer,
  sizes: Iterator<number>,
): Promise<{ out: Buffer; dropped: number }> {
  const inner = new Duplex({ read: () => {}, write: (_chunk, _encoding, done) => done() })
  let dropped = 0
  const sieve = new FrameSieve(inner, MAX, () => {
    dropped += 1
  })
  for (let at = 0; at < bytes.length;) {
    const size = Number(sizes.next().value)
    inner.push(bytes.subarray(at, at + size))
    at += size
  }
  inner.push(null)
  const chunks: Buffer[] = []
  for await (const chunk of sieve) {
    chunks.push(chunk as Buffer)
  }
  return { out: Buffer.concat(chunks), dropped }
}

const payloads = fc.array(
  fc
    .record({
      length: fc.constantFrom(0, 1, 125, 126, 127, 299, 300, 301, 1_000, 65_535, 65_536, 70_000),
      fill: fc.nat(255),
    })
    .map(({ length, fill }) => Buffer.alloc(length, fill)),
  { maxLength: 8 },
)
const pieces = fc.infiniteStream(fc.constantFrom(1, 2, 3, 7, 50, 1_000, 66_000))

describe('a frame sieve', () => {
  test('leaves out the frames above the size and nothing else, wherever the bytes are cut', async () => {
    await fc.assert(
      fc.asyncProperty(payloads, pieces, async (list, sizes) => {
        const bytes = Buffer.concat([HEAD, ...list.map(frame)])
        const kept = list.filter(({ length }) => length <= MAX)
        const { out, dropped } = await sift(bytes, sizes)
        expect(out.equals(Buffer.concat([HEAD, ...kept.map(frame)]))).toBe(true)
        expect(dropped).toBe(list.length - kept.length)
      }),
      { numRuns: 200 },
    )
  })

  test.each([
    ['an answer that is no upgrade', 'HTTP/1.1 400 Bad Request\r\n\r\nno such cursor'],
    ['an answer that never ends its head', `HTTP/1.1 101 x\r\n${'a: b\r\n'.repeat(20_000)}`],
    ['a masked frame', `${HEAD.toString()}\u0081\u00ffrest of it`],
  ])('passes everything after %s', async (_, text) => {
    const bytes = Buffer.from(text, 'latin1')
    const { out, dropped } = await sift(bytes, [bytes.length].values())
    expect(out.equals(bytes)).toBe(true)
    expect(dropped).toBe(0)
  })
})
