import { RequestError } from '../errors.ts'
import { canonicalTag } from '../posts/canonicalTag.ts'
import { parseCreatedAt } from '../posts/parseCreatedAt.ts'
import type { Us } from '../time.ts'

const SHOWN_LENGTH = 40

/**
 * The parameters of a query, read more strictly than by its lexicon: a number is digits and nothing else,
 * and one that is given twice is refused, unless it is a list. An empty one counts as absent. All methods
 * throw RequestError InvalidRequest, which names the parameter and what is allowed.
 */
export class QueryParameters {
  readonly #all: URLSearchParams

  /** `lists`: the parameters that may be given more than once. */
  constructor(search: string, lists: readonly string[]) {
    this.#all = new URLSearchParams(search)
    const seen = new Set<string>()
    for (const name of this.#all.keys()) {
      if (seen.has(name) && !lists.includes(name)) {
        throw invalid(`${name.slice(0, SHOWN_LENGTH)} is given more than once: give it once`)
      }
      seen.add(name)
    }
  }

  text(name: string): string | undefined {
    return this.#all.get(name) || undefined
  }

  integer(
    name: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): number | undefined {
    const text = this.text(name)
    if (text === undefined) {
      return undefined
    }
    const value = /^(?:0|[1-9]\d{0,15})$/u.test(text) ? Number(text) : NaN
    if (!(value >= from && value <= to)) {
      throw invalid(`${name} is a number from ${from} to ${to}`)
    }
    return value
  }

  choice<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const text = this.text(name)
    const found = choices.find((choice) => choice === text)
    if (text !== undefined && found === undefined) {
      throw invalid(`${name} is ${choices.join(' or ')}`)
    }
    return found
  }

  /** Each once, in the order of `choices`. */
  choices<Choice extends string>(name: string, choices: readonly Choice[]): Choice[] {
    const given = this.#list(name)
    if (given.some((text) => !choices.some((choice) => choice === text))) {
      throw invalid(`${name} are ${choices.join(', ')}: repeat the parameter for each`)
    }
    return choices.filter((choice) => given.includes(choice))
  }

  /** In canonical form, each once. */
  tags(name: string, most: number): string[] {
    const given = this.#list(name)
    const tags = given.map((text) => {
      const tag = canonicalTag(text)
      if (tag === undefined) {
        throw invalid(
          `${name} has one that is no tag: a tag has 1 to 64 characters beside # and white space`,
        )
      }
      return tag
    })
    const distinct = [...new Set(tags)]
    if (given.length > most) {
      throw invalid(`${name} are at most ${most}: there are ${given.length}`)
    }
    return distinct
  }

  /** Each once; `read` makes one value of one text, or undefined of what is none. */
  values<Value>(
    name: string,
    most: number,
    read: { readonly of: (text: string) => Value | undefined; readonly allowed: string },
  ): Value[] {
    const given = this.#list(name)
    if (given.length > most) {
      throw invalid(`${name} are at most ${most}: there are ${given.length}`)
    }
    const values = given.map((text) => {
      const value = read.of(text)
      if (value === undefined) {
        throw invalid(`${name}: ${read.allowed}`)
      }
      return value
    })
    return [...new Set(values)]
  }

  flag(name: string): boolean {
    return this.choice(name, ['true', 'false']) === 'true'
  }

  datetimeUs(name: string): Us | undefined {
    const text = this.text(name)
    if (text === undefined) {
      return undefined
    }
    const us = readDatetime(text)
    if (us === undefined) {
      throw invalid(`${name} is a datetime such as 2026-12-01T12:00:00.000Z`)
    }
    return us
  }

  #list(name: string): string[] {
    return this.#all.getAll(name).filter((text) => text !== '')
  }
}

export function readDatetime(text: string): Us | undefined {
  // A plus that nobody has encoded arrives as a blank.
  return parseCreatedAt(text.replace(/ (?=\d\d:\d\d$)/u, '+'))
}

export function invalid(message: string): RequestError {
  return new RequestError('InvalidRequest', message)
}
