import { countOf } from '../texts/countOf.ts'
import { addressLines, linkOf } from './addressLines.ts'
import type { Publisher } from './openPublisher.ts'
import { publisherJson, publisherLines } from './publisherLines.ts'
import type { Printer } from './runPrinted.ts'
import { showValue } from './showValue.ts'
import type { Loss } from './unpublishFeeds.ts'

export interface UnpublishPrinter extends Printer {
  onPlan: (losses: readonly Loss[], publisher: Publisher) => void
  onDeleted: (rkey: string) => void
}

/** What unpublishing says to a person. */
export function createTextPrinter(
  print: (line: string) => void,
  isDryRun: boolean,
): UnpublishPrinter {
  return {
    onPlan: (losses, publisher) => {
      const lines = [...publisherLines(publisher), ...losses.flatMap(lossLines)]
      const end = isDryRun ? ' (a dry run: nothing is deleted)' : ''
      const summary =
        losses.length === 0
          ? `nothing to delete${end}`
          : `${losses.length} to delete: likes are lost for good, and people who saved a feed keep a dead entry${end}`
      for (const line of [...lines, summary]) {
        print(line)
      }
    },
    onDeleted: (rkey) => print(`gone       ${rkey}, looked for and not found`),
    end: () => {},
  }
}

/** What unpublishing says to a machine: one object at the end. */
export function createJsonPrinter(print: (line: string) => void): UnpublishPrinter {
  let report: Record<string, unknown> = {}
  const deleted: string[] = []
  return {
    onPlan: (losses, publisher) => {
      report = { ...publisherJson(publisher), feeds: losses.map(lossJson) }
    },
    onDeleted: (rkey) => {
      deleted.push(rkey)
    },
    end: (error) => print(JSON.stringify({ ...report, deleted, ...(error ? { error } : {}) })),
  }
}

function lossLines({ record, uri, likeCount, isInFeedsFile }: Loss): string[] {
  const likes = likeCount === undefined ? 'an unknown number of likes' : countOf(likeCount, 'like')
  const head = [
    `delete     ${record.rkey}  ${showValue(record.value['displayName'])}, with ${likes}`,
    ...addressLines(uri),
  ]
  return isInFeedsFile
    ? [...head, '    still in the feeds file: npm run publishFeed would put it back']
    : head
}

function lossJson({ record, uri, likeCount, isInFeedsFile }: Loss): Record<string, unknown> {
  const displayName = record.value['displayName'] ?? null
  return {
    rkey: record.rkey,
    uri,
    link: linkOf(uri),
    displayName,
    likeCount: likeCount ?? null,
    isInFeedsFile,
  }
}
