import { ConfigError } from '../errors.ts'

/** Collects what several checks find, so that one run shows all of it. */
export class Problems {
  readonly #problems: string[] = []

  /** The result of a check, or `otherwise` when it finds a problem: nobody sees that in the end. */
  attempt<T>(check: () => T, otherwise: T): T {
    try {
      return check()
    } catch (error) {
      if (!(error instanceof ConfigError)) {
        throw error
      }
      this.#problems.push(...error.problems)
      return otherwise
    }
  }

  /** @throws ConfigError with all problems found, if there are any */
  throwIfAny(): void {
    if (this.#problems.length > 0) {
      throw new ConfigError(this.#problems)
    }
  }
}
