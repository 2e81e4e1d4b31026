const POLL_MS = 20
const TIMEOUT_MS = 20_000

/** Waits for a condition, and answers what it found. Fails loudly when it never comes true. */
export async function until<T>(
  condition: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  timeoutMs = TIMEOUT_MS,
): Promise<T> {
  const startedAt = performance.now()
  for (;;) {
    const found = await condition()
    if (found !== undefined && found !== false && found !== null) {
      return found
    }
    if (performance.now() - startedAt > timeoutMs) {
      throw new Error(`not within ${timeoutMs} ms: ${condition.toString().slice(0, 200)}`)
    }
    await new Promise((resolve) => {
      setTimeout(resolve, POLL_MS)
    })
  }
}
