import fc from 'fast-check'
import { expect, test } from 'vitest'
import { MessageParts } from './messageParts.ts'

test('parts of messages come out as they went in, one message after the other', () => {
  const message = fc.array(fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)))
  const isRight = fc.property(fc.array(message), fc.nat(100), (messages, expected) => {
    const parts = new MessageParts()
    return messages.every((pieces) => {
      for (const piece of pieces) {
        const bytes = Buffer.concat([Buffer.from('before'), piece, Buffer.from('after')])
        parts.add(bytes, [6, 6 + piece.length], expected)
      }
      const whole = Buffer.concat(pieces)
      return parts.length === whole.length && parts.take().equals(whole) && parts.length === 0
    })
  })
  expect(fc.check(isRight)).toMatchObject({ failed: false })
})

test('parts without bytes take no memory, and small ones about their own', () => {
  const parts = new MessageParts()
  const before = process.memoryUsage()
  for (let count = 0; count < 300_000; count += 1) {
    parts.add(Buffer.from('x'), [0, count % 2], 0)
  }
  const after = process.memoryUsage()
  expect(parts.take()).toHaveLength(150_000)
  expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(2_000_000)
  expect(after.heapUsed - before.heapUsed).toBeLessThan(60_000_000)
})
