import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'

/**
 * The lines of a file, however many.
 * @throws Error when the file cannot be read
 */
export async function* readLines(path: string): AsyncGenerator<string> {
  const input = createReadStream(path)
  const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
  // The iterator of readline hides an error of the stream below it.
  const failed = new Promise<never>((_, reject) => input.once('error', reject))
  failed.catch(() => {})
  yield* lines
  if (input.errored) {
    await failed
  }
}
