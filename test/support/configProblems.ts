/** What the reader of the settings has against an environment. */
import { readConfig } from '../../src/config/config.ts'
import type { Environment } from '../../src/config/config.ts'
import { ConfigError } from '../../src/errors.ts'

export function problemsOf(env: Environment): readonly string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) {
      return error.problems
    }
    throw error
  }
}
