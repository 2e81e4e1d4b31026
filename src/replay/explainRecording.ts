import { explainFrame } from '../ingest/events/explainFrame.ts'
import { KeptPosts } from '../ingest/memory/keptPosts.ts'
import { KnownRecords } from '../ingest/memory/knownRecords.ts'
import { noteOperation } from '../ingest/memory/noteOperation.ts'
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
  const keys = { kept: new KeptPosts(), known: KnownRecords.ofNothing() }
  const projection = { keepTag: () => true, ...keys }
  let number = 0
  for await (const line of readLines(file)) {
    signal.throwIfAborted()
    number += 1
    if (line.trim() !== '') {
      const frame = { data: Buffer.from(line), isBinary: false }
      const outcome = explainFrame(frame, projection, (op) => noteOperation(op, keys))
      print(`${String(number).padStart(6)}  ${outcome}`)
    }
  }
}
