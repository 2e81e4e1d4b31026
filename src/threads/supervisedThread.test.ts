import { on } from 'node:events'
import { Worker } from 'node:worker_threads'
import { describe, expect, test } from 'vitest'
import { until } from '../../test/support/until.ts'
import { silentLogger } from '../logger.ts'
import { SupervisedThread } from './supervisedThread.ts'

const PROGRAM = new URL('../../test/support/orderedThread.ts', import.meta.url)

describe("messages that are nobody's, such as those of node --watch,", () => {
  test('do not end a thread that supervises', async () => {
    const deaths: string[] = []
    const thread = new SupervisedThread<string>({
      name: 'ordered',
      program: PROGRAM,
      data: {},
      logger: silentLogger(),
      onFatal: ({ message }) => deaths.push(message),
      addStatus: (_, status) => status,
      deadStatus: (_, reason) => `dead: ${reason}`,
    })
    thread.begin()
    await until(() => thread.status)
    expect(thread.status).toBe('at work')
    await thread[Symbol.asyncDispose]()
    expect({ status: thread.status, deaths }).toEqual({ status: 'at work', deaths: [] })
  })

  test('are no orders to a thread', async () => {
    const worker = new Worker(PROGRAM)
    const messages = on(worker, 'message')
    const next = async (): Promise<unknown> => ((await messages.next()).value as unknown[])[0]
    worker.postMessage({ 'watch:require': ['somewhere.ts'] })
    worker.postMessage('begin')
    expect(await next()).toEqual({ 'watch:import': ['file:///somewhere.ts'] })
    expect(await next()).toEqual({ type: 'status', status: 'at work' })
    worker.postMessage(null)
    worker.postMessage('stop')
    expect(await next()).toEqual({ type: 'done' })
    await worker.terminate()
  })
})
