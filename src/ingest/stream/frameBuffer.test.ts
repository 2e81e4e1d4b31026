import { describe, expect, test } from 'vitest'
import { FrameBuffer } from './frameBuffer.ts'
import { StreamFrame, createConnection } from './streamFrame.ts'

const connection = createConnection('a host')
const signal = new AbortController().signal
const LONG = 60_000
const times = { waitMs: LONG, fillMs: LONG, hurryMs: 0, signal }
const isUrgent = ({ data }: StreamFrame): boolean => data.toString().startsWith('now')

function frame(text: string): StreamFrame {
  const bytes = Buffer.from(text)
  return new StreamFrame({ bytes, from: 0, to: bytes.length, isBinary: false, connection })
}

function createBuffer(): FrameBuffer {
  return new FrameBuffer({ maxFrames: 100, maxBytes: 10_000 })
}

async function taken(frames: Promise<StreamFrame[]>): Promise<string[]> {
  return (await frames).map(({ data }) => data.toString())
}

describe('what an urgent frame does', () => {
  test('ends the waiting for more, with all that was there before', async () => {
    const buffer = createBuffer()
    const frames = buffer.take({ max: 10, ...times, isUrgent })
    buffer.push(frame('later'))
    await Promise.resolve()
    buffer.push(frame('now'))
    expect(await taken(frames)).toEqual(['later', 'now'])
  })

  test('is found among frames that are there already', async () => {
    const buffer = createBuffer()
    for (const text of ['later', 'later', 'now', 'later']) {
      buffer.push(frame(text))
    }
    expect(await taken(buffer.take({ max: 10, ...times, isUrgent }))).toHaveLength(4)
  })

  test('lets a batch be open for hurryMs from its first frame, and no less', async () => {
    const buffer = createBuffer()
    const startedAt = performance.now()
    const frames = buffer.take({ max: 10, ...times, hurryMs: 30, isUrgent })
    buffer.push(frame('now'))
    expect(await taken(frames)).toEqual(['now'])
    expect(performance.now() - startedAt).toBeGreaterThan(25)
  })

  test('is looked for in each frame once', async () => {
    const buffer = createBuffer()
    const looked: string[] = []
    const frames = buffer.take({
      max: 10,
      ...times,
      isUrgent: (each) => {
        looked.push(each.data.toString())
        return isUrgent(each)
      },
    })
    buffer.push(frame('1'))
    await Promise.resolve()
    for (const text of ['2', '3', 'now']) {
      buffer.push(frame(text))
    }
    await frames
    expect(looked).toEqual(['1', '2', '3', 'now'])
  })
})

test('a batch without anything urgent is full at its number of frames', async () => {
  const buffer = createBuffer()
  const frames = buffer.take({ max: 3, ...times, isUrgent })
  for (const text of ['1', '2', '3', '4']) {
    buffer.push(frame(text))
  }
  expect(await taken(frames)).toEqual(['1', '2', '3'])
  expect(buffer.length).toBe(1)
})
