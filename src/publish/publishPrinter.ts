import type { Written } from './applyPlan.ts'
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
    onWritten: ({ uri }) => print(`${'done'.padEnd(KIND_COLUMN)} ${uri}, read back and verified`),
    end: () => {},
  }
}

/** What publishing says to a machine: one object at the end, also when it fails on the way. */
export function createJsonPrinter(print: (line: string) => void): PublishPrinter {
  let report: Record<string, unknown> = {}
  const written: Written[] = []
  return {
    onPlan: (plan, publisher) => {
      report = planJson(plan, publisher)
    },
    onWritten: (record) => {
      written.push(record)
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
  const writes = plan.steps.filter(isWrite).length
  const end = isDryRun ? ' (a dry run: nothing is written)' : ''
  return [
    ...publisherLines(publisher),
    ...plan.steps.flatMap(stepLines),
    ...orphans,
    writes === 0
      ? `nothing to write: ${plan.steps.length} feeds looked at${end}`
      : `${writes} to write, ${plan.steps.length - writes} left as they are${end}`,
  ]
}

function stepLines(step: Step): string[] {
  const head = `${step.kind.padEnd(KIND_COLUMN)} ${step.rkey}`
  switch (step.kind) {
    case 'unchanged':
      return [head]
    case 'refused':
      return [`${head}  ${step.reason}`]
    case 'create':
      return [
        head,
        ...step.changes.map(({ field, after }) => `    + ${field}: ${showValue(after)}`),
      ]
    case 'update':
      return [head, ...step.changes.map(changeLine), ...step.notes.map((note) => `    ${note}`)]
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
