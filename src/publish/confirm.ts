import { ConfigError } from '../errors.ts'
import type { Person } from '../pds/person.ts'

export interface ConfirmOptions {
  readonly isConfirmed: boolean
  readonly person: Person | undefined
}

/**
 * Asks before something is written; anything but a yes is a no.
 * @throws ConfigError where nobody can be asked, Error for a no
 */
export async function confirm(question: string, options: ConfirmOptions): Promise<void> {
  if (options.isConfirmed) {
    return
  }
  if (options.person === undefined) {
    throw new ConfigError([
      'nobody is here to confirm the plan: give --yes to carry it out, or --dry-run to see it',
    ])
  }
  const answer = await options.person.ask(`${question} [y/N] `)
  if (!/^y(?:es)?$/iu.test(answer.trim())) {
    throw new Error('not confirmed: nothing is changed')
  }
}
