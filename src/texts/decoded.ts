/** What a text comes to: a value, or what to write instead. */
export type Decoded<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly reasons: readonly string[] }

export type Decode<T> = (text: string) => Decoded<T>

export function good<T>(value: T): Decoded<T> {
  return { ok: true, value }
}

export function bad(...reasons: readonly string[]): Decoded<never> {
  return { ok: false, reasons }
}
