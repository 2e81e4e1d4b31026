import { expect, test } from 'vitest'
import { runOracle } from '../oracle/runOracle.ts'

/** More seeds: `npm run oracle -- --seeds 20`. */
test('a service that is killed 15 times by wrong clocks loses nothing of 8,000 events', async () => {
  const outcome = await runOracle({ seed: 20_261_128 })
  expect(outcome).toMatchObject({ difference: undefined, kills: { commit: 5, clock: 2 } })
  expect(outcome.frames).toBeGreaterThan(8_000)
  expect(outcome.places).toBeGreaterThan(3_000)
}, 300_000)
