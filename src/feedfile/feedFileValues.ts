/**
 * Reads values of the feeds file as the kinds that are wanted. Every function reports what is wrong at
 * its place and then answers undefined, or leaves it out of its list, so that reading goes on.
 */
import { isMap, isNode, isScalar, isSeq } from 'yaml'
import type { Node, Scalar } from 'yaml'
import type { Decode } from '../texts/decoded.ts'
import { findNearMiss } from '../texts/nearMiss.ts'
import { quote, shorten } from './feedFileTexts.ts'
import { startOf } from './yamlFile.ts'
import type { YamlValue } from './yamlFile.ts'

/** Words that are text in YAML 1.2 and true or false in YAML 1.1, and to many people. */
const BOOLEAN_WORD = /^(?:yes|no|on|off)$/iu

/** The values of a map by key; a `Map`, so that keys such as `constructor` are nothing special. */
export type Fields<Key extends string> = Pick<ReadonlyMap<Key, YamlValue>, 'get' | 'has'>

export interface MapRules {
  /** Stands before the keys in the names of values, for example `tags.`. */
  readonly prefix?: string
  /** For a value that is no map. */
  readonly allowed?: string
}

/** Reads a map that may have these keys. Unknown and repeated keys are problems. */
export function readMap<Key extends string>(
  value: YamlValue,
  keys: readonly Key[],
  rules: MapRules = {},
): Fields<Key> | undefined {
  const { node, file } = value
  if (!isMap(node)) {
    const allowed = rules.allowed ?? `a map of ${keys.join(', ')}`
    file.report(value, `${value.name}: ${describe(node)}, allowed: ${allowed}`)
    return undefined
  }
  const fields = new Map<Key, YamlValue>()
  const first = new Map<string, YamlValue>()
  for (const pair of node.items) {
    const key = file.valueOf('', pair.key, value.offset)
    const text = keyText(key)
    const earlier = first.get(text)
    const known = keys.find((each) => each === text)
    if (earlier !== undefined) {
      const line = file.lineOf(earlier)
      file.report(key, `key ${quote(text)} stands here again, first on line ${line}, allowed: once`)
    } else if (known === undefined) {
      file.report(key, `${describeUnknownKey(text, keys)}, allowed: ${keys.join(', ')}`)
    } else {
      fields.set(known, file.valueOf(`${rules.prefix ?? ''}${text}`, pair.value, key.offset))
    }
    first.set(text, earlier ?? key)
  }
  return fields
}

function keyText({ node }: YamlValue): string {
  if (!isScalar(node)) {
    return node === undefined ? '' : describe(node)
  }
  return typeof node.value === 'string' ? node.value : (node.source ?? '')
}

function describeUnknownKey(text: string, keys: readonly string[]): string {
  const nearMiss = findNearMiss(text, keys)
  const question = nearMiss === undefined ? '' : ` (did you mean ${quote(nearMiss)}?)`
  return `unknown key ${quote(text)}${question}`
}

export function isList({ node }: YamlValue): boolean {
  return isSeq(node)
}

export function isEmptyList({ node }: YamlValue): boolean {
  return isSeq(node) && node.items.length === 0
}

/** Reads the entries of a list. */
export function readList(value: YamlValue, allowed: string): readonly YamlValue[] | undefined {
  const { name, node, file, offset } = value
  if (!isSeq(node)) {
    file.report(value, `${name}: ${describe(node)}, allowed: ${allowed}`)
    return undefined
  }
  return node.items.map((item) => file.valueOf(name, item, isNode(item) ? startOf(item) : offset))
}

export interface TextRules {
  /** For language codes: `no` is Norwegian. */
  readonly allowsBooleanWords?: boolean
}

/** Reads a text. What YAML takes for something else has to be quoted: its spelling may matter. */
export function readText(value: YamlValue, rules: TextRules = {}): string | undefined {
  const { name, node, file } = value
  if (!isScalar(node)) {
    file.report(value, `${name}: ${describe(node)}, allowed: text`)
    return undefined
  }
  const source = sourceOf(value)
  const isBooleanWord = node.type === 'PLAIN' && BOOLEAN_WORD.test(source)
  if (isBooleanWord && rules.allowsBooleanWords !== true) {
    file.report(
      value,
      `${name}: ${source} may mean a boolean, allowed: text, quote it: '${source}'`,
    )
    return undefined
  }
  if (typeof node.value !== 'string') {
    const kind = describe(node)
    file.report(value, `${name}: ${source} is ${kind}, allowed: text, quote it: '${source}'`)
    return undefined
  }
  return node.value
}

/** Reads a text that follows a rule. */
export function readDecoded<T>(
  value: YamlValue | undefined,
  decode: Decode<T>,
  rules?: TextRules,
): T | undefined {
  const text = value === undefined ? undefined : readText(value, rules)
  if (value === undefined || text === undefined) {
    return undefined
  }
  const decoded = decode(text)
  if (!decoded.ok) {
    value.file.report(value, `${value.name}: ${decoded.reasons.join('; ')}`)
    return undefined
  }
  return decoded.value
}

/** One entry of a list, and where it stands. */
export interface Entry<T> {
  readonly value: T
  readonly place: YamlValue
}

/** Reads a list of texts that follow a rule; of entries with the same value the first is kept. */
export function readEntries<T>(
  value: YamlValue | undefined,
  decode: Decode<T>,
  allowed: string,
  rules?: TextRules,
): readonly Entry<T>[] {
  const entries = new Map<T, Entry<T>>()
  for (const place of (value && readList(value, allowed)) ?? []) {
    const decoded = readDecoded(place, decode, rules)
    if (decoded !== undefined && !entries.has(decoded)) {
      entries.set(decoded, { value: decoded, place })
    }
  }
  return [...entries.values()]
}

export interface NumberRules {
  readonly min: number
  readonly max?: number
  readonly isWhole?: boolean
}

export function readNumber(value: YamlValue | undefined, rules: NumberRules): number | undefined {
  if (value === undefined) {
    return undefined
  }
  const { min, max = Number.POSITIVE_INFINITY, isWhole = false } = rules
  const range = max === Number.POSITIVE_INFINITY ? `from ${min}` : `from ${min} to ${max}`
  const allowed = `${isWhole ? 'a whole number' : 'a number'} ${range}`
  const number = isScalar(value.node) ? value.node.value : undefined
  if (typeof number !== 'number') {
    const hint = typeof number === 'string' ? ', without quotes' : ''
    value.file.report(value, `${value.name}: ${describe(value.node)}, allowed: ${allowed}${hint}`)
    return undefined
  }
  const isInRange = Number.isFinite(number) && number >= min && number <= max
  if (!isInRange || (isWhole && !Number.isSafeInteger(number))) {
    value.file.report(value, `${value.name}: ${sourceOf(value)}, allowed: ${allowed}`)
    return undefined
  }
  return number
}

export function readBoolean(value: YamlValue | undefined): boolean | undefined {
  const boolean = isScalar(value?.node) ? value.node.value : undefined
  if (value !== undefined && typeof boolean !== 'boolean') {
    const allowed = 'true or false, without quotes'
    value.file.report(value, `${value.name}: ${describe(value.node)}, allowed: ${allowed}`)
    return undefined
  }
  return typeof boolean === 'boolean' ? boolean : undefined
}

/** What stands there, for a problem. */
function describe(node: Node | undefined): string {
  if (isSeq(node)) {
    return 'a list'
  }
  if (isMap(node)) {
    return 'a map'
  }
  return isScalar(node) && node.value !== null ? describeScalar(node) : 'nothing'
}

function describeScalar({ value }: Scalar): string {
  if (typeof value === 'number') {
    return 'a number'
  }
  return typeof value === 'boolean' ? 'a boolean' : `the text ${quote(String(value))}`
}

function sourceOf({ node }: YamlValue): string {
  return isScalar(node) ? shorten(node.source ?? String(node.value), 40) : describe(node)
}
