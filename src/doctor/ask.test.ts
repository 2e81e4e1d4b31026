import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { openLocalServer } from '../../test/support/localServer.ts'
import { createAsk } from './ask.ts'

test('waits no longer than it should, also when the garbage collector comes by', async () => {
  await using server = await openLocalServer((request, response) => {
    if (request.url === '/begun') {
      response.write('{')
    }
  })
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void
  const timer = setInterval(collect, 20)
  const ask = createAsk(new AbortController().signal)
  for (const path of ['nothing', 'begun']) {
    const answer = await ask(`${server.url}/${path}`, { timeoutMs: 300 })
    expect(answer).toMatchObject({ ok: false, fault: { kind: 'timeout' } })
  }
  clearInterval(timer)
})

test('stops when it is told to', async () => {
  const stop = new AbortController()
  await using server = await openLocalServer(() => stop.abort())
  const ask = createAsk(stop.signal)
  expect(await ask(server.url)).toMatchObject({ ok: false, fault: { kind: 'stopped' } })
  expect(await ask(server.url)).toMatchObject({ ok: false, fault: { kind: 'stopped' } })
})

test('tells how far the clock of a server is ahead, when it is', async () => {
  const dates = { '/right': 0, '/fast': 60_000, '/slow': -60_000 }
  await using server = await openLocalServer((request, response) => {
    const aheadMs = dates[request.url as keyof typeof dates]
    response.setHeader('date', new Date(Date.now() + aheadMs).toUTCString())
    response.end()
  })
  const ask = createAsk(new AbortController().signal)
  for (const [path, expectedMs] of Object.entries(dates)) {
    const answer = await ask(server.url + path)
    const aheadMs = answer.ok ? (answer.aheadMs ?? Number.NaN) : Number.NaN
    expect(Math.abs(aheadMs - expectedMs)).toBeLessThan(expectedMs === 0 ? 1 : 3_000)
  }
})
