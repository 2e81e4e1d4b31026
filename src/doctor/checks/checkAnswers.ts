import { isObject } from '../../pds/json.ts'
import type { JsonObject } from '../../pds/json.ts'
import { countOf } from '../../texts/countOf.ts'
import type { Ask } from '../ask.ts'
import type { Deployment } from '../deployment.ts'
import { notesOf } from '../findings.ts'
import type { Finding } from '../findings.ts'
import { READERS_SEE } from '../readersSee.ts'

const note = notesOf('answers')

/** What happens to answers that come too late: where `_health` counts it, and the metric by feed. */
const FATES = [
  {
    field: 'abandonedTotal',
    metric: 'feedgen_answers_abandoned_total',
    told: 'for which nobody waited any more: Bluesky leaves after 5 s',
  },
  {
    field: 'lateTotal',
    metric: 'feedgen_answers_late_total',
    told: 'that took longer than 4 s and were refused for it',
  },
] as const
/** A reader whose phone goes dark leaves too: fewer say nothing of the service. */
const MIN_MANY = 10
const ADVICE =
  'look at feedgen_page_seconds in /metrics, at the load of the machine and its disk, and at the way between ' +
  'Bluesky and the service'

/**
 * Whether readers wait in vain, as the service itself has counted since its start. Which feeds they
 * wait for is told where `/metrics` is open to the asker.
 * @param health the answer of `/xrpc/_health`
 */
export async function checkAnswers(
  { baseUrl, allFeeds }: Deployment,
  ask: Ask,
  health: JsonObject | undefined,
): Promise<Finding[]> {
  const answers = health?.['answers']
  if (!isObject(answers)) {
    return []
  }
  const late = FATES.map((fate) => ({ ...fate, count: readCount(answers[fate.field]) }))
  const many = late.filter(({ count }) => count >= MIN_MANY)
  if (many.length === 0) {
    const few = late.reduce((sum, { count }) => sum + count, 0)
    const what = few === 0 ? 'no answer' : `no more than ${countOf(few, 'answer')}`
    return [note.ok(`${what} of the service came too late since its start`)]
  }
  const answer = await ask(`${baseUrl}/metrics`)
  const metrics = answer.ok && answer.status === 200 ? answer.text : ''
  const known = allFeeds.map(({ rkey }) => rkey)
  return many.map(({ count, metric, told }) => {
    const counts = readCounts(metrics, metric)
    const feeds = known.filter((rkey) => (counts.get(rkey) ?? 0) > 0)
    const which = feeds.length === 0 ? '' : ` (of ${feeds.slice(0, MAX_NAMED).join(', ')})`
    return note.warning(`${countOf(count, 'answer')}${which} since its start ${told}`, {
      advice: ADVICE,
      readersSee: READERS_SEE.offline,
    })
  })
}

const MAX_NAMED = 8

function readCount(value: unknown): number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0 ? value : 0
}

/** The counts of a metric by record key. */
function readCounts(text: string, metric: string): ReadonlyMap<string, number> {
  const counts = new Map<string, number>()
  for (const line of text.split('\n').filter((each) => each.startsWith(metric))) {
    const [, labels = '', value] = /^\w+\{([^}]*)\}\s+([\d.e+]+)/u.exec(line) ?? []
    const rkey = /(?:^|,)feed="(?:[^"]*\/)?([^"/]*)"/u.exec(labels)?.[1]
    if (rkey !== undefined && value !== undefined) {
      counts.set(rkey, (counts.get(rkey) ?? 0) + Number(value))
    }
  }
  return counts
}
