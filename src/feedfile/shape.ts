/**
 * What a value of the feeds file may be: how it is read, and what editors know of it. Every shape reports
 * what is wrong at its place and then returns undefined, or leaves it out of its list, so that reading
 * goes on.
 */
import { isNode, isScalar, isSeq } from 'yaml'
import type { Decode } from '../texts/decoded.ts'
import { describeValue, sourceOf } from './describeValue.ts'
import { oneOf } from './feedFileTexts.ts'
import { startOf } from './yamlFile.ts'
import type { YamlValue } from './yamlFile.ts'

/** Of draft 7, which editors speak. */
export type JsonSchema = Readonly<Record<string, unknown>>

export interface Shape<T> {
  readonly schema: JsonSchema
  readonly read: (value: YamlValue) => T | undefined
}

/** The same shape, with a sentence for editors, and with what holds where the file says nothing. */
export function described<T>(shape: Shape<T>, description: string, fallback?: unknown): Shape<T> {
  const { type, $ref, ...rest } = shape.schema
  const isKnown = { ...(type !== undefined && { type }), ...($ref !== undefined && allOf($ref)) }
  const byDefault = fallback === undefined ? {} : { default: fallback }
  return { ...shape, schema: { ...isKnown, description, ...rest, ...byDefault } }
}

/** Nothing that stands beside a `$ref` counts. */
function allOf($ref: unknown): JsonSchema {
  return { allOf: [{ $ref }] }
}

/** Words that are text in YAML 1.2 and true or false in YAML 1.1, and to many people. */
const BOOLEAN_WORD = /^(?:yes|no|on|off)$/iu

export interface TextRules {
  /** For language codes: `no` is Norwegian. */
  readonly allowsBooleanWords?: boolean
}

/** A text that follows a rule; of the rule editors know what a schema can say. */
export function textShape<T>(
  decode: Decode<T>,
  schema: JsonSchema = {},
  rules: TextRules = {},
): Shape<T> {
  const read = (value: YamlValue): T | undefined => {
    const text = readText(value, rules)
    const decoded = text === undefined ? undefined : decode(text)
    if (decoded?.ok === false) {
      value.file.report(value, `${value.name}: ${decoded.reasons.join('; ')}`)
    }
    return decoded?.ok === true ? decoded.value : undefined
  }
  return { schema: { type: 'string', ...schema }, read }
}

/** What YAML takes for something else has to be quoted: its spelling may matter. */
function readText(value: YamlValue, { allowsBooleanWords = false }: TextRules): string | undefined {
  const { name, node, file } = value
  if (!isScalar(node)) {
    file.report(value, `${name}: ${describeValue(value)}, allowed: text`)
    return undefined
  }
  const source = sourceOf(value)
  const isBooleanWord = node.type === 'PLAIN' && BOOLEAN_WORD.test(source)
  if (typeof node.value === 'string' && (allowsBooleanWords || !isBooleanWord)) {
    return node.value
  }
  const fault = isBooleanWord ? 'may mean a boolean' : `is ${describeValue(value)}`
  file.report(value, `${name}: ${source} ${fault}, allowed: text, quote it: '${source}'`)
  return undefined
}

/** One of a fixed set of words; `offered` are those that people are told of. */
export function wordShape<Choice extends string>(
  choices: readonly Choice[],
  offered: readonly Choice[] = choices,
): Shape<Choice> {
  return { schema: { enum: offered }, read: textShape(oneOf(choices, offered)).read }
}

export interface NumberRules {
  readonly min: number
  readonly max?: number
  readonly isWhole?: boolean
}

export function numberShape({ min, max, isWhole = false }: NumberRules): Shape<number> {
  const range = max === undefined ? `from ${min}` : `from ${min} to ${max}`
  const allowed = `${isWhole ? 'a whole number' : 'a number'} ${range}`
  const limits = { minimum: min, ...(max !== undefined && { maximum: max }) }
  const isAllowed = (number: number): boolean =>
    number >= min &&
    number <= (max ?? Number.MAX_VALUE) &&
    (!isWhole || Number.isSafeInteger(number))
  return {
    schema: { type: isWhole ? 'integer' : 'number', ...limits },
    read(value) {
      const number = isScalar(value.node) ? value.node.value : undefined
      if (typeof number === 'number' && isAllowed(number)) {
        return number
      }
      const found = typeof number === 'number' ? sourceOf(value) : describeValue(value)
      const hint = typeof number === 'string' ? ', without quotes' : ''
      value.file.report(value, `${value.name}: ${found}, allowed: ${allowed}${hint}`)
      return undefined
    },
  }
}

export const booleanShape: Shape<boolean> = {
  schema: { type: 'boolean' },
  read(value) {
    const boolean = isScalar(value.node) ? value.node.value : undefined
    if (typeof boolean === 'boolean') {
      return boolean
    }
    const allowed = 'true or false, without quotes'
    value.file.report(value, `${value.name}: ${describeValue(value)}, allowed: ${allowed}`)
    return undefined
  },
}

/** One entry of a list, and where it stands. */
export interface Entry<T> {
  readonly value: T
  readonly place: YamlValue
}

export interface ListRules {
  /** For a value that is no list. */
  readonly allowed: string
  readonly count?: { readonly min: number; readonly max: number; readonly noun: string }
}

/** A list; of entries with the same value the first is kept. */
export function listShape<T>(
  item: Shape<T>,
  { allowed, count }: ListRules,
): Shape<readonly Entry<T>[]> {
  const limits = count === undefined ? {} : { minItems: count.min, maxItems: count.max }
  return {
    schema: { type: 'array', items: item.schema, ...limits },
    read(value) {
      const { name, node, file, offset } = value
      if (!isSeq(node)) {
        file.report(value, `${name}: ${describeValue(value)}, allowed: ${allowed}`)
        return undefined
      }
      if (count !== undefined) {
        reportCount(value, node.items, count)
      }
      // All are looked at before one is read: of aliases that repeat too much nothing else is said.
      const places = node.items.map((each) =>
        file.valueOf(name, each, isNode(each) ? startOf(each) : offset),
      )
      const entries = new Map<T, Entry<T>>()
      for (const place of places.slice(0, count?.max)) {
        const entry = item.read(place)
        if (entry !== undefined && !entries.has(entry)) {
          entries.set(entry, { value: entry, place })
        }
      }
      return [...entries.values()]
    },
  }
}

function reportCount(
  value: YamlValue,
  items: readonly unknown[],
  { min, max, noun }: NonNullable<ListRules['count']>,
): void {
  const excess = items[max]
  if (items.length >= min && excess === undefined) {
    return
  }
  const place = isNode(excess) ? { offset: startOf(excess) } : value
  const found = items.length === 0 ? `no ${noun}` : `${items.length} ${noun}s`
  value.file.report(place, `${value.name}: ${found}, allowed: ${min} to ${max} ${noun}s`)
}
