import { ConfigError, describeError } from './errors.ts'

/** A service that does not end by itself after a signal is ended: the position is committed or not at all. */
const LAST_RESORT_MS = 9_500

const stop = new AbortController()
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.once(name, () => {
    stop.abort()
    setTimeout(() => process.exit(1), LAST_RESORT_MS).unref()
  })
}

async function run(signal: AbortSignal): Promise<void> {
  // Loading is a good part of a start: a signal that comes meanwhile is listened to already.
  const { loadSetup } = await import('./service/setup.ts')
  const { createLogger } = await import('./logger.ts')
  const { createApp } = await import('./service/app.ts')
  const { readStartArguments } = await import('./config/readStartArguments.ts')
  const { Problems } = await import('./config/problems.ts')
  const { wantsHelp, problems } = readStartArguments(process.argv.slice(2))
  if (wantsHelp) {
    return
  }
  const found = new Problems()
  const read = found.attempt(() => loadSetup(process.env), undefined)
  found.add(...problems)
  const setup = found.settle(read)
  const pretty = process.stdout.isTTY
  const logger = createLogger({ level: setup.config.logLevel, pretty })
  try {
    await using app = await createApp(setup, { logger, pretty, signal })
    await app.runUntil(signal)
  } catch (error) {
    // Told to stop before there was a database to serve from.
    if (!(signal.aborted && error instanceof Error && error.name === 'AbortError')) {
      throw error
    }
  }
}

// `readSetup` throws inside `run`: a throw in an argument would miss this catch.
run(stop.signal).catch((error: unknown) => {
  reportFatal(error)
  process.exitCode = error instanceof ConfigError ? 2 : 1
})

function reportFatal(error: unknown): void {
  const lines = error instanceof ConfigError ? error.problems : [`tagfeed: ${describeError(error)}`]
  process.stderr.write(`${lines.join('\n')}\n`)
}
