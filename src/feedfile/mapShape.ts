import { isMap, isScalar } from 'yaml'
import { findNearMiss } from '../texts/nearMiss.ts'
import { quote } from '../texts/quote.ts'
import { describeValue } from './describeValue.ts'
import type { JsonSchema, Shape } from './shape.ts'
import type { YamlValue } from './yamlFile.ts'

/** What is written under a key: undefined for what is wrong. */
export interface Field<T> {
  readonly value: T | undefined
  readonly place: YamlValue
}

/** The keys of a map that are written. */
export type Fields<T> = { readonly [Key in keyof T]?: Field<T[Key]> }
type Shapes<T> = { readonly [Key in keyof T]: Shape<T[Key]> }

export interface MapRules<Key> {
  /** How problems call the map, when not by its key; its keys then stand alone. */
  readonly name?: string
  /** For a value that is no map. */
  readonly allowed?: string
  readonly required?: readonly Key[]
  /** What is said of a required key that is not written. */
  readonly describeMissing?: (key: Key) => string
  /** What editors know of the map beside its keys. */
  readonly schema?: JsonSchema
}

/** A map with these keys and no others. */
export function mapShape<T>(
  shapes: Shapes<T>,
  rules: MapRules<keyof T & string> = {},
): Shape<Fields<T>> {
  const keys = Object.keys(shapes) as (keyof T & string)[]
  const { required = [], describeMissing = (key) => `${key} is missing` } = rules
  const properties: Record<string, unknown> = {}
  for (const key of keys) {
    properties[key] = shapes[key].schema
  }
  const beside = { ...(required.length > 0 && { required }), additionalProperties: false }
  return {
    schema: { type: 'object', ...beside, properties, ...rules.schema },
    read(value) {
      const places = readPlaces(value, keys, rules)
      if (places === undefined) {
        return undefined
      }
      for (const key of required.filter((key) => !places.has(key))) {
        value.file.report(value, describeMissing(key))
      }
      const fields: { [Key in keyof T]?: Field<T[Key]> } = {}
      for (const [key, place] of places) {
        fields[key] = { value: shapes[key].read(place), place }
      }
      return fields
    },
  }
}

/** Where the values stand. Unknown and repeated keys are problems. */
function readPlaces<Key extends string>(
  value: YamlValue,
  keys: readonly Key[],
  { name, allowed = `a map of ${keys.join(', ')}` }: MapRules<Key>,
): ReadonlyMap<Key, YamlValue> | undefined {
  const { node, file } = value
  if (!isMap(node)) {
    file.report(value, `${name ?? value.name}: ${describeValue(value)}, allowed: ${allowed}`)
    return undefined
  }
  const prefix = name === undefined ? `${value.name}.` : ''
  const places = new Map<Key, YamlValue>()
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
      places.set(known, file.valueOf(`${prefix}${text}`, pair.value, key.offset))
    }
    first.set(text, earlier ?? key)
  }
  return places
}

function keyText(key: YamlValue): string {
  const { node } = key
  if (!isScalar(node)) {
    return node === undefined ? '' : describeValue(key)
  }
  return typeof node.value === 'string' ? node.value : (node.source ?? '')
}

function describeUnknownKey(text: string, keys: readonly string[]): string {
  const nearMiss = findNearMiss(text, keys)
  const question = nearMiss === undefined ? '' : ` (did you mean ${quote(nearMiss)}?)`
  return `unknown key ${quote(text)}${question}`
}
