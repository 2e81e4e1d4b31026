import { isMap, isScalar, isSeq } from 'yaml'
import type { Scalar } from 'yaml'
import { quote, shorten } from '../texts/quote.ts'
import type { YamlValue } from './yamlFile.ts'

const MAX_SOURCE = 40

/** What stands there, for a problem. */
export function describeValue({ node }: YamlValue): string {
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

/** A scalar as it is written. */
export function sourceOf(value: YamlValue): string {
  const { node } = value
  return isScalar(node)
    ? shorten(node.source ?? String(node.value), MAX_SOURCE)
    : describeValue(value)
}
