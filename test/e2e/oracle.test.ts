import { expect, test } from 'vitest'
import { runOracle } from '../oracle/runOracle.ts'

/** More seeds: `npm run oracle -- --seeds 20`. */
test('a service that is killed 22 times loses nothing of 20,000 events', async () => {
  const outcome = await runOracle({ seed: 20_260_703 })
  expect(outcome).toMatchObject({ difference: undefined, kills: { commit: 8 } })
  expect(outcome.frames).toBeGreaterThan(20_000)
  expect(outcome.places).toBeGreaterThan(5_000)
}, 300_000)
