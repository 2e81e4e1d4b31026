import { SKEWS } from './oracleWorld.ts'
import type { WorldChoice } from './oracleWorld.ts'

export interface WorldArguments {
  readonly skew?: string | undefined
  readonly clock?: string | undefined
  /** Names with commas. */
  readonly with: string
  readonly without: string
}

const FLAGS = ['ahead', 'future', 'v2', 'liars'] as const
const CLOCKS = ['right', 'ahead', 'behind'] as const
const skews = Object.keys(SKEWS) as (keyof typeof SKEWS)[]

/** What of the world is chosen on the command line, or what is wrong with that. */
export function readWorld(values: WorldArguments): WorldChoice | string {
  const names = (text: string): string[] => text.split(',').filter((name) => name !== '')
  const [has, hasNot] = [names(values.with), names(values.without)]
  const skew = skews.find((name) => name === values.skew)
  const clock = CLOCKS.find((name) => name === values.clock)
  const known = new Set<string>(FLAGS)
  const isUnknown =
    (values.skew !== undefined && skew === undefined) ||
    (values.clock !== undefined && clock === undefined) ||
    [...has, ...hasNot].some((name) => !known.has(name))
  if (isUnknown) {
    return 'there is no such world'
  }
  const flags = [...has.map((name) => [name, true]), ...hasNot.map((name) => [name, false])]
  return { ...(skew && { skew }), ...(clock && { clock }), ...Object.fromEntries(flags) }
}
