import { expect, test } from 'vitest'
import { runOracle } from '../oracle/runOracle.ts'

/** In which most may go wrong at once; more seeds and worlds: `npm run oracle -- --seeds 20`. */
const WORLD = { skew: 'minute', clock: 'behind', ahead: true, future: true, v2: false } as const

test('a service that is killed 14 times loses nothing of 6,000 events, by clocks that are wrong', async () => {
  const outcome = await runOracle({ seed: 20_261_128, events: 6_000, world: WORLD })
  expect(outcome).toMatchObject({ difference: undefined, kills: { commit: 5, clock: 2 } })
  expect(outcome.frames).toBeGreaterThan(6_000)
  expect(outcome.places).toBeGreaterThan(3_000)
}, 300_000)
