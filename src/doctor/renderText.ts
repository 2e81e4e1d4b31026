import { countOf } from '../texts/countOf.ts'
import { countVerdicts } from './findings.ts'
import type { Finding, Verdict } from './findings.ts'
import type { GroupedFinding } from './groupFindings.ts'

const LABELS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failure: 'FAILURE',
  skipped: 'skipped',
}
/** A line is to be read. */
const MAX_NAMED = 8
const INDENT = ' '.repeat(24)

/** A finding for people: a line, and one more for each of what to do and what readers see. */
export function renderText({
  check,
  verdict,
  feeds,
  message,
  advice,
  readersSee,
}: GroupedFinding): string {
  const named = feeds.slice(0, MAX_NAMED).join(', ')
  const others = feeds.length > MAX_NAMED ? ` and ${feeds.length - MAX_NAMED} more` : ''
  const subject = feeds.length === 0 ? '' : `${named}${others}: `
  return [
    `${LABELS[verdict].padEnd(8)} ${check.padEnd(14)} ${subject}${message}`,
    ...(advice === undefined ? [] : [`${INDENT}to do: ${advice}`]),
    ...(readersSee === undefined ? [] : [`${INDENT}readers see: "${readersSee}"`]),
  ].join('\n')
}

/** The last line: how many of each. */
export function renderSummary(findings: readonly Finding[]): string {
  const counts = countVerdicts(findings)
  return (
    `${countOf(counts.failure, 'failure')}, ${countOf(counts.warning, 'warning')}, ` +
    `${counts.ok} ok, ${counts.skipped} skipped`
  )
}
