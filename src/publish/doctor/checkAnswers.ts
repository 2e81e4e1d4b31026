import { countOf } from '../../plural.ts'
import type { Ask } from './ask.ts'
import type { Deployment } from './deployment.ts'
import { READERS_SEE } from './readersSee.ts'
import { notesOf } from './report.ts'
import type { Finding } from './report.ts'

const note = notesOf('answers')

/** What happens to answers that come too late, by the metric that counts it. */
const FATES = [
  {
    metric: 'feedgen_answers_abandoned_total',
    told: 'for which nobody waited any more: Bluesky leaves after 5 s',
  },
  {
    metric: 'feedgen_answers_late_total',
    told: 'that took longer than 4 s and were refused for it',
  },
] as const
const ADVICE =
  'look at feedgen_page_seconds in /metrics, at the load of the machine and its disk, and at the way between ' +
  'Bluesky and the service'

/**
 * Whether readers wait in vain, as the service itself has counted since its start. Its metrics may be
 * closed to strangers: then there is nothing to say.
 */
export async function checkAnswers(
  { baseUrl, allFeeds }: Deployment,
  ask: Ask,
): Promise<Finding[]> {
  const answer = await ask(`${baseUrl}/metrics`)
  if (!answer.ok || answer.status !== 200) {
    return []
  }
  const known = new Set(allFeeds.map(({ rkey }) => rkey))
  let isCounted = false
  const findings = FATES.flatMap(({ metric, told }) => {
    const counts = readCounts(answer.text, metric)
    isCounted ||= counts !== undefined
    return [...(counts ?? [])]
      .filter(([rkey, count]) => known.has(rkey) && count > 0)
      .map(([feed, count]) =>
        note.warning(`${countOf(count, 'answer')} since its start ${told}`, {
          feed,
          advice: ADVICE,
          readersSee: READERS_SEE.offline,
        }),
      )
  })
  return findings.length === 0 && isCounted
    ? [note.ok('no answer of the service came too late since its start')]
    : findings
}

/** The counts of a metric by record key; undefined when there is no such metric. */
function readCounts(text: string, metric: string): ReadonlyMap<string, number> | undefined {
  const lines = text.split('\n').filter((line) => line.startsWith(metric))
  const isKnown = lines.length > 0 || text.includes(`# TYPE ${metric} `)
  const counts = new Map<string, number>()
  for (const line of lines) {
    const [, labels = '', value] = /^\w+\{([^}]*)\}\s+([\d.e+]+)/u.exec(line) ?? []
    const rkey = /(?:^|,)feed="(?:[^"]*\/)?([^"/]*)"/u.exec(labels)?.[1]
    if (rkey !== undefined && value !== undefined) {
      counts.set(rkey, (counts.get(rkey) ?? 0) + Number(value))
    }
  }
  return isKnown ? counts : undefined
}
