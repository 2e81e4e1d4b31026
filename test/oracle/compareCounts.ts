/** What a ranking was made of, post by post, against what the model says. */
import { runScript } from '../support/runApp.ts'
import type { Programs } from './bundleService.ts'
import { tell } from './compareFeeds.ts'
import type { Compared } from './compareFeeds.ts'
import { COUNTED, FEEDS, feedsFile } from './oracleFeeds.ts'

/** Where the services of one run live, one after the other. */
export interface Home {
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
  readonly programs: Programs
}

/** The first difference in words; undefined when there is none. */
export async function compareCounts({
  model,
  frames,
  home,
}: Pick<Compared, 'model' | 'frames'> & { home: Home }): Promise<string | undefined> {
  const args = [COUNTED.rkey, '--explain', '--json', '--limit', '999999']
  const program = home.programs.path('scripts/printFeed.ts')
  const run = await runScript(program, args, { ...home, feeds: feedsFile(FEEDS) })
  if (run.code !== 0) {
    return `printFeed ended with code ${run.code}: ${run.stderr}`
  }
  const ranking = model.ranking(COUNTED)
  const expected = ranking.map(({ uri, counts, score, featured, authorRank }, index) => {
    const { likes, replies, reposts, quotes } = counts
    const all = { score, likes, replies, reposts, quotes, views: 0, featured, authorRank }
    return JSON.stringify({ rank: index + 1, uri, ...all })
  })
  const printed = run.stdout
    .split('\n')
    .filter((line) => line !== '')
    .map(withoutTimes)
  const place = Array.from({ length: Math.max(expected.length, printed.length) }).findIndex(
    (_, at) => expected[at] !== printed[at],
  )
  return place === -1
    ? undefined
    : [
        `counts of ${COUNTED.rkey}: ${printed.length} posts, expected ${expected.length}`,
        `  ${printed[place] ?? 'nothing'}, expected`,
        `  ${expected[place] ?? 'nothing'}`,
        ...tell(ranking[place]?.uri, frames),
      ].join('\n')
}

function withoutTimes(line: string): string {
  const { indexedAt: _, ageHours: __, ...rest } = JSON.parse(line) as Record<string, unknown>
  return JSON.stringify(rest)
}
