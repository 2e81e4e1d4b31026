import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { explainFrame } from '../ingest/explainFrame.ts'
import { KeptPosts } from '../ingest/keptPosts.ts'
import { KnownRecords } from '../ingest/knownRecords.ts'

/** Prints a line for each frame of a recording: what ingest makes of it. */
export async function explainRecording(file: string, print: (line: string) => void): Promise<void> {
  const kept = new KeptPosts()
  const projection = { keepTag: () => true, kept, known: KnownRecords.ofNothing() }
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1
    if (line.trim() !== '') {
      const outcome = explainFrame({ data: Buffer.from(line), isBinary: false }, projection)
      print(`${String(number).padStart(6)}  ${outcome}`)
    }
  }
}
