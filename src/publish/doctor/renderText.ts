import { countVerdicts } from './report.ts'
import type { Finding, Verdict } from './report.ts'

const LABELS: Readonly<Record<Verdict, string>> = {
  ok: 'ok',
  warning: 'WARNING',
  failure: 'FAILURE',
  skipped: 'skipped',
}
const INDENT = ' '.repeat(24)

/** A finding for people: a line, and one more for each of what to do and what readers see. */
export function renderText({ check, verdict, feed, message, advice, readersSee }: Finding): string {
  const subject = feed === undefined ? '' : `${feed}: `
  return [
    `${LABELS[verdict].padEnd(8)} ${check.padEnd(14)} ${subject}${message}`,
    ...(advice === undefined ? [] : [`${INDENT}to do: ${advice}`]),
    ...(readersSee === undefined ? [] : [`${INDENT}readers see: "${readersSee}"`]),
  ].join('\n')
}

/** The last line: how many of each. */
export function renderSummary(findings: readonly Finding[]): string {
  const counts = countVerdicts(findings)
  const plural = (count: number, word: string): string =>
    `${count} ${word}${count === 1 ? '' : 's'}`
  return (
    `${plural(counts.failure, 'failure')}, ${plural(counts.warning, 'warning')}, ` +
    `${counts.ok} ok, ${counts.skipped} skipped`
  )
}
