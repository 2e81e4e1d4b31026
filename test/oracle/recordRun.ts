/** The record of the seeds that were run: written here, and by nobody's hand. */
import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { OracleOutcome } from './runOracle.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const RECORD = 'docs/oracle-seeds.json'

interface RecordedRun {
  readonly date: string
  /** With a + when files that are tracked differ from it. */
  readonly commit: string
  readonly engine: string
  readonly seeds: string
  readonly frames: number
  readonly kills: number
  readonly meanSeconds: number
  /** Of each seed with differences, the first line. */
  readonly differences: Readonly<Record<string, string>>
}

const ABOUT =
  'Runs of the oracle, the latest last. Written by `npm run oracle -- --seeds COUNT --record`.'

/** Adds a run to the record; returns the record's path. */
export function recordRun(run: {
  readonly engine: string
  readonly outcomes: readonly OracleOutcome[]
}): string {
  const path = join(ROOT, RECORD)
  const runs = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as { runs: RecordedRun[] }).runs
    : []
  const lines = [...runs, toRecord(run)].map((each) => `    ${JSON.stringify(each)}`)
  const about = `  "about": ${JSON.stringify(ABOUT)},\n`
  writeFileSync(path, `{\n${about}  "runs": [\n${lines.join(',\n')}\n  ]\n}\n`)
  return RECORD
}

function toRecord({ engine, outcomes }: Parameters<typeof recordRun>[0]): RecordedRun {
  const sum = (of: (outcome: OracleOutcome) => number): number =>
    outcomes.reduce((all, outcome) => all + of(outcome), 0)
  const killsOf = ({ kills }: OracleOutcome): number =>
    Object.values(kills).reduce((all, count) => all + count, 0)
  const differences = outcomes.flatMap(({ seed, difference }) =>
    difference === undefined ? [] : [[seed, difference.split('\n')[0] ?? ''] as const],
  )
  return {
    date: new Date().toISOString().slice(0, 10),
    commit: describeCommit(),
    engine,
    seeds: describeSeeds(outcomes.map(({ seed }) => seed)),
    frames: sum(({ frames }) => frames),
    kills: sum(killsOf),
    meanSeconds: Math.round(sum(({ seconds }) => seconds) / Math.max(1, outcomes.length)),
    differences: Object.fromEntries(differences),
  }
}

function describeCommit(): string {
  const git = (...args: string[]): string =>
    execFileSync('git', args, { cwd: ROOT, encoding: 'utf8' }).trim()
  const changes = git('status', '--porcelain', '--untracked-files=no', '--', '.', `:!${RECORD}`)
  return `${git('rev-parse', '--short=7', 'HEAD')}${changes === '' ? '' : '+'}`
}

/** `1-40, 45`. */
function describeSeeds(seeds: readonly number[]): string {
  const ranges: { first: number; last: number }[] = []
  for (const seed of seeds.toSorted((a, b) => a - b)) {
    const range = ranges.at(-1)
    if (range !== undefined && range.last === seed - 1) {
      range.last = seed
    } else {
      ranges.push({ first: seed, last: seed })
    }
  }
  return ranges
    .map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`))
    .join(', ')
}
