import { createReadStream, statSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { openRole } from '../src/db/openDatabase.ts'
import { loadEnvFile } from '../src/envFile.ts'
import { explainFrame } from '../src/ingest/explainFrame.ts'
import { startIngest } from '../src/ingest/ingest.ts'
import { KeptPosts } from '../src/ingest/keptPosts.ts'
import { KnownRecords } from '../src/ingest/knownRecords.ts'
import { createRecordingSource } from '../src/ingest/recordingSource.ts'
import { createLogger } from '../src/logger.ts'
import { prepareDatabase } from '../src/prepareDatabase.ts'
import { ingestOptions, readSetup } from '../src/setup.ts'
import { formatUs, systemClock } from '../src/time.ts'
import { parseUsage, runCommand, usageError } from './command.ts'

const USAGE = 'npm run replay -- FILE.jsonl [--explain]'

await runCommand(async (signal) => {
  const { file, isExplained } = parseUsage(readArguments, USAGE)
  const setup = readSetup(loadEnvFile('.env', process.env))
  if (isExplained) {
    await explain(file)
  }
  const logger = createLogger({ level: 'error', pretty: false })
  await prepareDatabase(setup, { logger, signal })
  await using database = await openRole({
    databaseUrl: setup.config.databaseUrl,
    role: 'ingest',
    signal,
    onWaiting: (reason) => console.error(reason),
  })
  if (database === undefined) {
    return
  }
  const ingest = startIngest(ingestOptions(setup), {
    database,
    logger,
    signal,
    clock: systemClock,
    source: createRecordingSource(file),
  })
  await ingest.done
  const { eventsTotal, operationsTotal, rejectedByReason, positionUs } = ingest.status()
  console.log(`${eventsTotal} frames read, ${operationsTotal} operations stored`)
  for (const [reason, count] of Object.entries(rejectedByReason)) {
    console.log(`${count} rejected: ${reason}`)
  }
  console.log(`position ${positionUs === undefined ? 'none' : formatUs(positionUs)}`)
})

function readArguments() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { explain: { type: 'boolean', default: false } },
  })
  const [file, ...rest] = positionals
  if (file === undefined || rest.length > 0) {
    throw usageError('give one recording', USAGE)
  }
  if (statSync(file, { throwIfNoEntry: false })?.isFile() !== true) {
    throw usageError(`${file} is no file`, USAGE)
  }
  return { file, isExplained: values.explain }
}

/** One line per frame: what ingest makes of it. */
async function explain(file: string): Promise<void> {
  const kept = new KeptPosts()
  const projection = { keepTag: () => true, kept, known: KnownRecords.ofNothing() }
  let number = 0
  for await (const line of createInterface({ input: createReadStream(file) })) {
    number += 1
    if (line.trim() !== '') {
      const outcome = explainFrame({ data: Buffer.from(line), isBinary: false }, projection)
      console.log(`${String(number).padStart(6)}  ${outcome}`)
    }
  }
}
