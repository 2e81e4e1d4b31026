import { EventEmitter } from 'node:events'
import { describe, expect, test, vi } from 'vitest'
import type { WebSocket } from 'ws'
import { SubscriptionSocket } from './subscriptionSocket.ts'

function openSocket() {
  const sent: string[] = []
  const socket = Object.assign(new EventEmitter(), {
    bufferedAmount: 0,
    send: (text: string) => sent.push(text),
    close: vi.fn<(code: number, reason: string) => void>(),
    ping: vi.fn<() => void>(),
    terminate: vi.fn<() => void>(),
  })
  return { sent, socket, subscriber: new SubscriptionSocket(socket as unknown as WebSocket) }
}

describe('a subscriber', () => {
  test('that takes nothing for 15 seconds is too slow, and one that takes a little is not', () => {
    const { socket, subscriber, sent } = openSocket()
    const from = performance.now()
    socket.bufferedAmount = 100_000
    expect(subscriber.isReady).toBe(false)
    subscriber.look(from + 1_000)
    socket.bufferedAmount = 99_000
    subscriber.look(from + 15_500)
    subscriber.look(from + 30_000)
    expect(sent).toEqual([])
    subscriber.look(from + 31_000)
    expect(JSON.parse(sent[0] ?? '')).toMatchObject({ $type: 'error', error: 'ConsumerTooSlow' })
    expect(socket.close).toHaveBeenCalledWith(1008, 'ConsumerTooSlow')
    subscriber.send('more')
    expect(sent).toHaveLength(1)
  })

  test('that has nothing to take is not slow', () => {
    const { subscriber, sent } = openSocket()
    const from = performance.now()
    subscriber.look(from + 60_000)
    expect(sent).toEqual([])
  })

  test('that sends data is closed, and one that does not answer is cut off', () => {
    const { socket, subscriber } = openSocket()
    subscriber.ping()
    socket.emit('pong')
    subscriber.ping()
    expect(socket.terminate).not.toHaveBeenCalled()
    subscriber.ping()
    expect(socket.terminate).toHaveBeenCalledOnce()
    socket.emit('message', 'hello')
    expect(socket.close).toHaveBeenCalledWith(1008, expect.stringContaining('no data'))
  })
})
