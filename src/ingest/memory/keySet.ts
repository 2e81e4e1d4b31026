const START_SLOTS = 1 << 16
const SLASH = '/'.charCodeAt(0)

/**
 * A set of record keys that may say yes to a stranger and never no to one of its own: it holds 32-bit
 * hashes, four bytes a slot and at most half of the slots taken. Record keys are times to the
 * microsecond, so that of some thousand strangers one is taken for a member.
 */
export class KeySet {
  #slots = new Uint32Array(START_SLOTS)
  #size = 0

  /** Distinct hashes. */
  get size(): number {
    return this.#size
  }

  add(key: string): void {
    this.#reserve(1)
    this.#insert(hashOf(key, 0, key.length))
  }

  /** Adds all keys of a text, in which blanks stand between them. */
  addAll(text: string, count: number): void {
    this.#reserve(count)
    let from = 0
    while (from < text.length) {
      const blank = text.indexOf(' ', from)
      const to = blank === -1 ? text.length : blank
      this.#insert(hashOf(text, from, to))
      from = to + 1
    }
  }

  /** Whether the key that stands in `text` between two places, after any slash, may be a member. */
  mayHave(text: string, from = 0, to = text.length): boolean {
    const hash = hashOf(text, from, to)
    const mask = this.#slots.length - 1
    for (let slot = hash & mask; ; slot = (slot + 1) & mask) {
      const found = this.#slots[slot]
      if (found === hash) {
        return true
      }
      if (found === 0) {
        return false
      }
    }
  }

  #insert(hash: number): void {
    const mask = this.#slots.length - 1
    let slot = hash & mask
    while (this.#slots[slot] !== 0) {
      if (this.#slots[slot] === hash) {
        return
      }
      slot = (slot + 1) & mask
    }
    this.#slots[slot] = hash
    this.#size += 1
  }

  /** Makes room for so many more. */
  #reserve(count: number): void {
    const before = this.#slots
    let length = before.length
    while ((this.#size + count) * 2 > length) {
      length *= 2
    }
    if (length === before.length) {
      return
    }
    this.#slots = new Uint32Array(length)
    this.#size = 0
    for (const hash of before) {
      if (hash !== 0) {
        this.#insert(hash)
      }
    }
  }
}

/** FNV-1a from the end on, with a last mixing; never 0, which stands for an empty slot. */
function hashOf(text: string, from: number, to: number): number {
  let hash = 0x811c9dc5
  for (let index = to - 1; index >= from; index -= 1) {
    const unit = text.charCodeAt(index)
    if (unit === SLASH) {
      break
    }
    hash = Math.imul(hash ^ unit, 0x01000193)
  }
  hash ^= hash >>> 15
  hash = Math.imul(hash, 0x2c1b3c6d)
  return (hash ^ (hash >>> 13)) >>> 0 || 1
}
