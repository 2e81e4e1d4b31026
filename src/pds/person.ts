import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import type { ReadStream } from 'node:tty'

/** Somebody at a terminal. */
export interface Person {
  /** Asks, and shows what is typed. */
  ask(question: string): Promise<string>
  /** Asks, and shows nothing of what is typed. */
  askSecret(question: string): Promise<string>
}

/** The streams of a terminal, or of a pipeline, which are no terminal. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream & Partial<Pick<ReadStream, 'isTTY'>>
  readonly output: NodeJS.WritableStream & { readonly isTTY?: boolean }
  readonly signal: AbortSignal
}

/** Undefined where nobody can be asked: in a pipeline. */
export function findPerson(terminal: Terminal): Person | undefined {
  const { input, output } = terminal
  if (input.isTTY !== true || output.isTTY !== true) {
    return undefined
  }
  return {
    ask: (question) => ask(terminal, question, output),
    askSecret: async (question) => {
      const silence = new Writable({ write: (_chunk, _encoding, done) => done() })
      output.write(question)
      try {
        return await ask(terminal, '', silence)
      } finally {
        // The Enter key was not shown either.
        output.write('\n')
      }
    },
  }
}

async function ask(
  { input, signal }: Terminal,
  question: string,
  output: NodeJS.WritableStream,
): Promise<string> {
  // As a terminal it reads key by key, so that the terminal itself echoes nothing.
  const reader = createInterface({ input, output, terminal: true })
  const stop = new AbortController()
  reader.once('SIGINT', () => stop.abort())
  reader.once('close', () => stop.abort())
  try {
    reader.setPrompt(question)
    reader.prompt()
    const [line] = await once(reader, 'line', { signal: AbortSignal.any([signal, stop.signal]) })
    return String(line)
  } catch (error) {
    throw stop.signal.aborted || signal.aborted ? new Error('stopped: nothing is changed') : error
  } finally {
    reader.close()
  }
}
