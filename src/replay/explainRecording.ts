import { explainFrame } from '../ingest/events/explainFrame.ts'
import { KeptPosts } from '../ingest/memory/keptPosts.ts'
import { KnownRecords } from '../ingest/memory/knownRecords.ts'
import { readLines } from '../ingest/stream/readLines.ts'

/**
 * Prints a line for each frame of a recording: what ingest makes of it.
 * @throws AbortError when the signal aborts
 */
export async function explainRecording(
  file: string,
  print: (line: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const kept = new KeptPosts()
  const projection = { keepTag: () => true, kept, known: KnownRecords.ofNothing() }
  let number = 0
  for await (const line of readLines(file)) {
    signal.throwIfAborted()
    number += 1
    if (line.trim() !== '') {
      const outcome = explainFrame({ data: Buffer.from(line), isBinary: false }, projection)
      print(`${String(number).padStart(6)}  ${outcome}`)
    }
  }
}
