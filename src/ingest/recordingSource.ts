import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { createInterface } from 'node:readline'
import { StreamFrame, createConnection } from './eventSource.ts'
import type { EventSource } from './eventSource.ts'

/** A recording of Jetstream as a source: one frame a line, empty lines passed over. */
export function createRecordingSource(path: string): EventSource {
  return {
    async run({ buffer, signal }) {
      const connection = createConnection(`recording ${basename(path)}`)
      const input = createReadStream(path)
      const lines = createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })
      // The event of readline's iterator hides an error of the stream below it.
      const failed = new Promise<never>((_, reject) => input.once('error', reject))
      failed.catch(() => {})
      for await (const line of lines) {
        if (signal.aborted) {
          return
        }
        if (line.trim() !== '') {
          const bytes = Buffer.from(line)
          buffer.push(
            new StreamFrame({ bytes, from: 0, to: bytes.length, isBinary: false, connection }),
          )
        }
        if (buffer.isFull) {
          await new Promise<void>((resolve) => {
            buffer.onDrained(resolve)
          })
        }
      }
      if (input.errored) {
        await failed
      }
    },
  }
}
