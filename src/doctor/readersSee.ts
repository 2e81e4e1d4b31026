/** What the Bluesky app shows in place of a feed, by what is wrong with it. */
export const READERS_SEE = {
  missing: "Hmm, we're having trouble finding this feed. It may have been deleted.",
  offline:
    'Hmm, the feed server appears to be offline. Please let the feed owner know about this issue.',
  misconfigured:
    'Hmm, the feed server appears to be misconfigured. Please let the feed owner know about this issue.',
  badResponse:
    'Hmm, the feed server gave a bad response. Please let the feed owner know about this issue.',
  busy: 'This feed is currently receiving high traffic and is temporarily unavailable. Please try again later.',
  empty: 'This feed is empty! You may need to follow more users or tune your language settings.',
  unknown:
    'Hmm, some kind of issue occurred when contacting the feed server. Please let the feed owner know about this issue.',
} as const

/** Parts of the AppView's messages by which the app chooses its words, in the order in which it looks. */
const SIGNS: readonly (readonly [part: string, words: string])[] = [
  ['could not find feed', READERS_SEE.missing],
  ['feed unavailable', READERS_SEE.offline],
  ['invalid did document', READERS_SEE.misconfigured],
  ['could not resolve did document', READERS_SEE.misconfigured],
  ['invalid feed generator service details in did document', READERS_SEE.misconfigured],
  ['invalid response', READERS_SEE.badResponse],
]

/** The app's words for an answer of the AppView that is an error. */
export function wordsFor(status: number, message: string): string {
  if (status === 429) {
    return READERS_SEE.busy
  }
  return SIGNS.find(([part]) => message.includes(part))?.[1] ?? READERS_SEE.unknown
}
