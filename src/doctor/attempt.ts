import { excerpt } from '../texts/quote.ts'
import { notesOf } from './findings.ts'
import type { Check, Finding } from './findings.ts'

/** A defect of a check costs that check, and is told. */
export async function attempt<T extends { readonly findings: readonly Finding[] }>(
  check: Check,
  otherwise: T,
  run: () => Promise<T>,
): Promise<T> {
  try {
    return await run()
  } catch (error) {
    const reason = excerpt(error instanceof Error ? error.message : String(error))
    const finding = notesOf(check).failure(`the doctor itself failed: ${reason}`, {
      advice: 'please report it as a defect of tagfeed',
    })
    return { ...otherwise, findings: [finding] }
  }
}
