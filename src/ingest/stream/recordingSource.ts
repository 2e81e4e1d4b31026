import { basename } from 'node:path'
import type { EventSource } from './eventSource.ts'
import { readLines } from './readLines.ts'
import { StreamFrame, createConnection } from './streamFrame.ts'

/** A recording of Jetstream as a source: one frame a line, empty lines passed over. */
export function createRecordingSource(path: string): EventSource {
  return {
    async run({ buffer, signal }) {
      const connection = createConnection(`recording ${basename(path)}`)
      for await (const line of readLines(path)) {
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
    },
  }
}
