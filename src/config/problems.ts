import { ConfigError } from '../errors.ts'

/** Collects what several checks find, so that one run shows all of it. */
export class Problems {
  readonly #problems: string[] = []
  #isUsage = false

  /** Whether the arguments are among what is wrong: then the usage is to be shown. */
  get isUsage(): boolean {
    return this.#isUsage
  }

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

  add(...problems: readonly string[]): void {
    this.#problems.push(...problems)
  }

  /** Collects what is wrong with the arguments of a command. */
  usage(...problems: readonly string[]): void {
    this.#isUsage ||= problems.length > 0
    this.#problems.push(...problems)
  }

  /** @throws ConfigError with all problems found, if there are any */
  throwIfAny(): void {
    if (this.#problems.length > 0) {
      throw new ConfigError([...new Set(this.#problems)])
    }
  }

  /**
   * What an attempt has given, which is there when nothing was wrong.
   * @throws ConfigError with all problems found, if there are any
   */
  settle<T>(result: T | undefined): T {
    this.throwIfAny()
    if (result === undefined) {
      throw new Error('an attempt gave nothing, and no problem')
    }
    return result
  }
}
