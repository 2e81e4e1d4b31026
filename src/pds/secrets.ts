/**
 * The passwords, codes and tokens of a run. What a server says is shown only through it: an answer may
 * repeat what was sent.
 */
export class Secrets {
  readonly #texts = new Set<string>()

  add(...texts: readonly string[]): void {
    for (const text of texts) {
      if (text.trim() !== '') {
        this.#texts.add(text)
        this.#texts.add(encodeURIComponent(text))
        this.#texts.add(JSON.stringify(text).slice(1, -1))
      }
    }
  }

  /** The text without any secret, longest first, so that no rest of one stays. */
  redact(text: string): string {
    const texts = [...this.#texts].sort((a, b) => b.length - a.length)
    return texts.reduce((shown, secret) => shown.replaceAll(secret, '[secret]'), text)
  }
}
