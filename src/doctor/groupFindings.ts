import type { Finding } from './findings.ts'

/** A finding, and the feeds that it is about alike. */
export interface GroupedFinding extends Finding {
  readonly feeds: readonly string[]
}

/** Findings that are equal but for their feeds as one each, in the order of the first. */
export function groupFindings(findings: readonly Finding[]): GroupedFinding[] {
  const groups = new Map<string, Finding[]>()
  for (const finding of findings) {
    const { check, verdict, message, readersSee } = finding
    const isAboutFeed = finding.feed !== undefined
    const key = JSON.stringify([
      isAboutFeed,
      check,
      verdict,
      message,
      templateOf(finding),
      readersSee,
    ])
    groups.set(key, [...(groups.get(key) ?? []), finding])
  }
  return [...groups.values()].flatMap((group) => {
    const [first] = group
    if (first === undefined) {
      return []
    }
    const feeds = group.flatMap(({ feed }) => feed ?? [])
    const advice = templateOf(first)
      ?.replaceAll(ONLY, feeds.map((feed) => `--only ${feed}`).join(' '))
      .replaceAll(EACH, feeds.length === 1 ? `-- ${feeds[0]}` : '-- RKEY')
    return [{ ...first, ...(advice !== undefined && { advice }), feeds }]
  })
}

const ONLY = '--only \u0000'
const EACH = '-- \u0000'

/** The advice without the feed, where it names it as an argument. */
function templateOf({ feed, advice }: Finding): string | undefined {
  return feed === undefined
    ? advice
    : advice
        ?.split(' ')
        .map((word, index, words) => {
          const isArgument = ['--', '--only'].includes(words[index - 1] ?? '')
          return isArgument && word.replace(/,$/u, '') === feed
            ? word.replace(feed, '\u0000')
            : word
        })
        .join(' ')
}
