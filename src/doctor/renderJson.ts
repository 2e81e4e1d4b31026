import type { Finding } from './findings.ts'

/** A finding as one line of JSON, its fields always in the same order. */
export function renderJson(finding: Finding): string {
  const { check, verdict, feed, message, advice, readersSee } = finding
  return JSON.stringify({ check, verdict, feed, message, advice, readersSee })
}
