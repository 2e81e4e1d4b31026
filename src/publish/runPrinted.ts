import { describeError } from '../errors.ts'

/** Something that says what a command does. */
export interface Printer {
  /** The command has ended; with an error, when it failed. */
  end: (error?: string) => void
}

/** Runs a command and lets its printer end, whether the command fails or not. */
export async function runPrinted<P extends Printer>(
  printer: P,
  command: (printer: P) => Promise<void>,
): Promise<void> {
  try {
    await command(printer)
  } catch (error) {
    printer.end(describeError(error))
    throw error
  }
  printer.end()
}
