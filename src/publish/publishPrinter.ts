import { countOf } from '../texts/countOf.ts'
import { addressLines, linkOf } from './addressLines.ts'
import type { Written } from './applySteps.ts'
import type { Change } from './diffRecord.ts'
import type { Publisher } from './openPublisher.ts'
import type { Plan, Step } from './planPublish.ts'
import { publisherJson, publisherLines } from './publisherLines.ts'
import { isWrite } from './publishFeeds.ts'
import type { Printer } from './runPrinted.ts'
import { showValue } from './showValue.ts'

export interface PublishPrinter extends Printer {
  onPlan: (plan: Plan, publisher: Publisher) => void
  onWritten: (written: Written) => void
}

const KIND_COLUMN = 10

/** What publishing says to a person, line by line as it happens. */
export function createTextPrinter(
  print: (line: string) => void,
  isDryRun: boolean,
): PublishPrinter {
  return {
    onPlan: (plan, publisher) =>
      planLines(plan, publisher, isDryRun).forEach((line) => print(line)),
    onWritten: ({ uri }) => {
      print(`${'done'.padEnd(KIND_COLUMN)} ${uri}, read back and verified`)
      print(`${' '.repeat(KIND_COLUMN)} ${linkOf(uri)}`)
    },
    end: () => {},
  }
}

/** What publishing says to a machine: one object at the end, also when it fails on the way. */
export function createJsonPrinter(print: (line: string) => void): PublishPrinter {
  let report: Record<string, unknown> = {}
  const written: (Written & { link: string })[] = []
  return {
    onPlan: (plan, publisher) => {
      report = planJson(plan, publisher)
    },
    onWritten: (record) => {
      written.push({ ...record, link: linkOf(record.uri) })
    },
    end: (error) => print(JSON.stringify({ ...report, written, ...(error ? { error } : {}) })),
  }
}

function planLines(plan: Plan, publisher: Publisher, isDryRun: boolean): string[] {
  const orphans = plan.orphans.map(
    ({ rkey, value }) =>
      `${'orphan'.padEnd(KIND_COLUMN)} ${rkey}  ${showValue(value['displayName'])}: not in the feeds file; ` +
      `npm run unpublishFeed -- ${rkey} takes it out`,
  )
  const end = isDryRun ? ' (a dry run: nothing is written)' : ''
  return [
    ...publisherLines(publisher),
    ...plan.steps.flatMap((step) => stepLines(step, publisher.repository.uriOf(step.rkey))),
    ...orphans,
    `${summaryOf(plan.steps)}${end}`,
  ]
}

function summaryOf(steps: readonly Step[]): string {
  const writes = steps.filter(isWrite).length
  const refused = steps.filter(({ kind }) => kind === 'refused').length
  const unchanged = steps.length - writes - refused
  if (refused > 0) {
    const others = `${writes} to write and ${unchanged} left as they are without that`
    return `${countOf(refused, 'feed')} refused, so nothing is written: ${others}`
  }
  return writes === 0
    ? `nothing to write: ${countOf(steps.length, 'feed')} looked at`
    : `${writes} to write, ${unchanged} left as they are`
}

function stepLines(step: Step, uri: string): string[] {
  const first = `${step.kind.padEnd(KIND_COLUMN)} ${step.rkey}`
  const head = [first, ...addressLines(uri)]
  switch (step.kind) {
    case 'unchanged':
      return head
    case 'refused':
      return [`${first}  ${step.reason}`, ...addressLines(uri)]
    case 'create':
      return [
        ...head,
        ...step.changes.map(({ field, after }) => `    + ${field}: ${showValue(after)}`),
      ]
    case 'update':
      return [...head, ...step.changes.map(changeLine), ...step.notes.map((note) => `    ${note}`)]
  }
}

function changeLine({ field, before, after }: Change): string {
  if (before === undefined) {
    return `    + ${field}: ${showValue(after)}`
  }
  return after === undefined
    ? `    - ${field}: ${showValue(before)}`
    : `    ~ ${field}: ${showValue(before)} -> ${showValue(after)}`
}

function planJson(plan: Plan, publisher: Publisher): Record<string, unknown> {
  const { repository } = publisher
  return {
    ...publisherJson(publisher),
    feeds: plan.steps.map((step) => ({
      rkey: step.rkey,
      uri: repository.uriOf(step.rkey),
      link: linkOf(repository.uriOf(step.rkey)),
      action: step.kind,
      ...(isWrite(step) ? { changes: step.changes, notes: step.notes } : {}),
      ...(step.kind === 'refused' ? { reason: step.reason } : {}),
    })),
    orphans: plan.orphans.map(({ rkey, value }) => ({
      rkey,
      uri: repository.uriOf(rkey),
      displayName: value['displayName'] ?? null,
    })),
  }
}
