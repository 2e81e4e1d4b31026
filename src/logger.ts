import { createRequire } from 'node:module'
import { pino, stdTimeFunctions, type DestinationStream, type Logger } from 'pino'
import type PinoPretty from 'pino-pretty'

export type { Logger } from 'pino'

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent'

export interface LoggerOptions {
  readonly level: LogLevel
  /** Coloured lines for people instead of JSON; for the caller to decide, by whether stdout is a terminal. */
  readonly pretty: boolean
  /** Where the lines go; stdout when left out. */
  readonly destination?: DestinationStream
}

/**
 * A field of a finished JSON line that holds a secret: a text, a number or a list of texts. The line is
 * searched rather than the objects, because pino's own redaction reaches only a fixed depth. A quote inside
 * a text is escaped there, so that nothing but a real field matches.
 */
const secretField =
  /"(\w*password|authorization|accessJwt|refreshJwt)":("(?:[^"\\]|\\.)*"|\[(?:"(?:[^"\\]|\\.)*",?)*\]|-?\d[^,}\]]*)/giu

/**
 * A logger of one JSON object a line: `level` as a word, `time` as ISO 8601 in UTC, and the fields given,
 * among which `event` names the occasion in camelCase. Fields named like secrets are blotted out.
 * Writing is synchronous, so that the last line before an exit is never lost.
 */
export function createLogger({ level, pretty, destination }: LoggerOptions): Logger {
  const output = destination ?? pino.destination({ dest: 1, sync: true })
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      hooks: { streamWrite: (line) => line.replace(secretField, '"$1":"[redacted]"') },
    },
    pretty ? createPrettyStream(output) : output,
  )
}

/** Turns each line into text at once: no stream in between holds the last ones back at an exit. */
function createPrettyStream(output: DestinationStream): DestinationStream {
  // Loaded when it is wanted: a service whose logs are JSON starts without it.
  const load = createRequire(import.meta.url)
  const { prettyFactory } = load('pino-pretty') as typeof PinoPretty
  const prettify = prettyFactory({ colorize: true, singleLine: true })
  return { write: (line) => output.write(prettify(line)) }
}

/** A logger for tests, which says nothing. */
export function silentLogger(): Logger {
  return pino({ level: 'silent' })
}
