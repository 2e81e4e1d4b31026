/** A thread that follows its orders, among messages that mean nothing to anybody. */
import { once } from 'node:events'
import { parentPort } from 'node:worker_threads'
import { listenToOrders } from '../../src/threads/threadOrders.ts'

const { begun, stop } = listenToOrders()
parentPort?.postMessage({ 'watch:import': ['file:///somewhere.ts'] })
await begun
parentPort?.postMessage({ type: 'status', status: stop.aborted ? 'stopped' : 'at work' })
if (!stop.aborted) {
  await once(stop, 'abort')
}
parentPort?.postMessage({ type: 'done' })
parentPort?.close()
