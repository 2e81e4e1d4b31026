/** Reads JSON of which nothing is known: what is not as expected is as if it were absent. */
export type LooseObject = Readonly<Record<string, unknown>>

const NOTHING: LooseObject = {}

export function looseObject(value: unknown): LooseObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as LooseObject)
    : NOTHING
}

export function looseList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

export function looseText(value: unknown, maxLength: number): string {
  return typeof value === 'string' ? value.slice(0, maxLength) : ''
}

export function looseCount(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}
