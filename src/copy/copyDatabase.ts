/**
 * Copies a database into an empty one. Neither side is written to by anybody else meanwhile: the copy has
 * the role of ingest on both, and holds the source still. The target is an unfinished copy, which no
 * service accepts, until everything in it has been compared with the source.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { WriteDatabase } from '../db/database.ts'
import { troubleOf } from '../db/databaseErrors.ts'
import { estimateRows, holdStill, readShapes } from '../db/upgrade/tables.ts'
import { loadPosition } from '../status/loadPosition.ts'
import type { Us } from '../time.ts'
import { beginCopy } from './beginCopy.ts'
import type { Begun } from './beginCopy.ts'
import { ALL_TABLES, COPIED_TABLES, LARGE_TABLES, SMALL_TABLES, withShape } from './copiedTables.ts'
import { identifyDatabase } from './copyArguments.ts'
import type { CopyUrls } from './copyArguments.ts'
import { dropProgress, saveProgress } from './copyProgress.ts'
import type { CopyProgress } from './copyProgress.ts'
import { copyLargeTables, copySmallTables } from './copyTables.ts'
import {
  GLANCE_MS,
  PATIENCE_MS,
  busyError,
  openSource,
  openTarget,
  refuseWriter,
} from './openSides.ts'
import { CopyDiffersError, verifyTables } from './verifyCopy.ts'
import type { VerifiedTable } from './verifyCopy.ts'

export interface CopyStep {
  readonly phase: 'copying' | 'verifying'
  readonly table: string
  /** Rows that are done in this phase, also by runs before this one. */
  readonly rows: number
  /** An estimate while copying. */
  readonly totalRows: number
}

export interface CopyOptions extends CopyUrls {
  /** Ends the copy after its current step; the next one goes on there. */
  readonly signal: AbortSignal
  readonly onBegin?: (how: Begun['how'], rows: number) => void
  readonly onStep?: (step: CopyStep) => void
  /** Rows of a transaction. */
  readonly stepRows?: number
  readonly patienceMs?: number
  readonly glanceMs?: number
}

export interface CopyReport {
  readonly tables: readonly VerifiedTable[]
  /** Where the stream goes on; undefined when nothing has been ingested. */
  readonly positionUs: Us | undefined
}

const STEP_ROWS = 5_000

/**
 * Copies all that is kept, the position included, and verifies it.
 * @throws ConfigError when a side is no database that can be copied from or to
 * @throws CopyDiffersError when the verification finds a difference
 */
export async function copyDatabase(options: CopyOptions): Promise<CopyReport> {
  const { from, to, signal, patienceMs = PATIENCE_MS, glanceMs = GLANCE_MS } = options
  const opening = { signal, patienceMs }
  await using source = await openSource(from, opening)
  await using target = await openTarget(to, opening)
  await Promise.all([refuseWriter('FROM', source, glanceMs), refuseWriter('TO', target, glanceMs)])
  let isStill = false
  try {
    return await holdStill(source, ALL_TABLES, async () => {
      isStill = true
      return await copyAll(source, target, options)
    })
  } catch (error) {
    throw !isStill && troubleOf(error) === 'transient' ? busyError('FROM', error) : error
  }
}

async function copyAll(
  source: WriteDatabase,
  target: WriteDatabase,
  options: CopyOptions,
): Promise<CopyReport> {
  const { progress, how } = await beginCopy(source, target, identifyDatabase(options.from))
  options.onBegin?.(how, progress.rows)
  try {
    const tables = await copyRows(source, target, progress, options)
    return { tables, positionUs: (await loadPosition(target))?.timeUs }
  } catch (error) {
    if (error instanceof CopyDiffersError) {
      // Nobody knows what else is wrong: nothing of it is used again.
      await saveProgress(target, { ...progress, sourceState: '' })
      throw error
    }
    const words = 'the copy is not finished: the same command goes on where this one has stopped'
    throw options.signal.aborted ? new Error(words) : new Error(words, { cause: error })
  }
}

async function copyRows(
  source: WriteDatabase,
  target: WriteDatabase,
  progress: CopyProgress,
  options: CopyOptions,
): Promise<VerifiedTable[]> {
  const { stepRows = STEP_ROWS } = options
  const shapes = await readShapes(source)
  const shaped = (tables: typeof COPIED_TABLES) => tables.map((table) => withShape(table, shapes))
  let expected = 0
  for (const { name } of LARGE_TABLES) {
    expected += await estimateRows(source, name)
  }
  const copied = countSteps('copying', options, { rows: progress.rows, totalRows: expected })
  const copying = { source, target, stepRows, onStep: copied.onStep }
  await copyLargeTables(copying, shaped(LARGE_TABLES), progress)
  await copySmallTables(copying, shaped(SMALL_TABLES))

  // What is read last is what is released: nobody writes to the target in between.
  return await holdStill(target, ALL_TABLES, async () => {
    const { onStep } = countSteps('verifying', options, { rows: 0, totalRows: copied.rows() })
    const tables = await verifyTables({ ...copying, onStep }, shaped(COPIED_TABLES))
    await dropProgress(target)
    return tables
  })
}

function countSteps(
  phase: CopyStep['phase'],
  { signal, onStep }: CopyOptions,
  begun: { rows: number; totalRows: number },
) {
  let { rows } = begun
  return {
    rows: () => rows,
    onStep: async (table: string, count: number): Promise<void> => {
      rows += count
      onStep?.({ phase, table, rows, totalRows: Math.max(begun.totalRows, rows) })
      // SQLite answers at once: without this pause no signal would ever be heard.
      await nextTurn()
      signal.throwIfAborted()
    },
  }
}
