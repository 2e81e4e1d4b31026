import { open, stat } from 'node:fs/promises'
import { describeError } from '../errors.ts'
import { decodeEvent } from '../ingest/events/decodeEvent.ts'
import { readLines } from '../ingest/stream/readLines.ts'

/** How files begin that people keep recordings in. */
const PACKED = [
  { kind: 'gzip', tool: 'gzip -dk', bytes: [0x1f, 0x8b] },
  { kind: 'zstd', tool: 'zstd -d', bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { kind: 'xz', tool: 'xz -dk', bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { kind: 'bzip2', tool: 'bzip2 -dk', bytes: [0x42, 0x5a, 0x68] },
  { kind: 'zip', tool: 'unzip', bytes: [0x50, 0x4b, 0x03, 0x04] },
]

const WANTED = 'give a recording of Jetstream: JSON text, one event a line'
const HEAD_BYTES = 65_536

/**
 * Why a file is no recording, in words that follow its name; undefined for one with a good frame.
 * Reads no further than that.
 * @throws AbortError when the signal aborts
 */
export async function findRecordingFault(
  path: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return (await findFileFault(path)) ?? (await findLineFault(path, signal))
  } catch (error) {
    signal.throwIfAborted()
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    return code === 'ENOENT'
      ? `is not there: ${WANTED}`
      : `cannot be read (${describeError(error)}): mend its permissions, or ${WANTED}`
  }
}

async function findFileFault(path: string): Promise<string | undefined> {
  const found = await stat(path)
  if (!found.isFile()) {
    return `is ${found.isDirectory() ? 'a directory' : 'no file'}: ${WANTED}`
  }
  if (found.size === 0) {
    return `is empty: ${WANTED}`
  }
  await using file = await open(path)
  const head = Buffer.alloc(HEAD_BYTES)
  const { bytesRead } = await file.read(head, 0, HEAD_BYTES, 0)
  const packed = PACKED.find(({ bytes }) => bytes.every((byte, index) => head[index] === byte))
  if (packed !== undefined) {
    return `is packed (${packed.kind}): unpack it first, for example with ${packed.tool}`
  }
  // A file without line ends could also be more than fits into one text.
  return head.subarray(0, bytesRead).includes(0) ? `is no text: ${WANTED}` : undefined
}

async function findLineFault(path: string, signal: AbortSignal): Promise<string | undefined> {
  let lines = 0
  for await (const line of readLines(path)) {
    signal.throwIfAborted()
    if (line.trim() !== '') {
      lines += 1
      if (decodeEvent({ data: Buffer.from(line), isBinary: false }).ok) {
        return undefined
      }
    }
  }
  const what = lines === 1 ? 'its one line is no event' : `none of its ${lines} lines is an event`
  return `holds no good frame (${what}; --explain says why of each): ${WANTED}`
}
