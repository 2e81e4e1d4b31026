import { KeptBody } from './keptBody.ts'

/** Pages with parameters can be asked for in any number: the longest unused ones are dropped. */
const MAX_KEPT = 100

/** Bodies of pages by their addresses, each made once a second at most. */
export class KeptBodies {
  readonly #kept = new Map<string, KeptBody>()

  get(key: string, make: () => Promise<string>): Promise<Buffer> {
    const body = this.#kept.get(key) ?? new KeptBody(make)
    this.#kept.delete(key)
    this.#kept.set(key, body)
    for (const oldest of this.#kept.keys()) {
      if (this.#kept.size <= MAX_KEPT) {
        break
      }
      this.#kept.delete(oldest)
    }
    return body.get()
  }
}
