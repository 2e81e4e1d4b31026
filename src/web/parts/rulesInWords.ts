import type { FeedDefinition } from '../../feeds/feedDefinition.ts'
import type { Media } from '../../posts/postFilter.ts'
import { countOf } from '../../texts/countOf.ts'

/** A rule of a feed in a few words, and all of it where the words leave something out. */
export interface Rule {
  readonly words: string
  readonly whole?: string
}

const MEDIA_WORDS: Readonly<Record<Media, string>> = {
  image: 'pictures',
  video: 'videos',
  link: 'links',
  none: 'text alone',
}
const ADULT = new Set(['porn', 'sexual', 'nudity', 'graphic-media'])

/** What a feed takes and what it leaves out. `shown`: so many of the items of a rule, then `+5`. */
export function rulesInWords({ filter, trending }: FeedDefinition, shown = Infinity): Rule[] {
  const { anyTags, allTags, noneTags, media, languages, noneLabels } = filter
  const { onlyAuthors, noneAuthors, maxTags } = filter
  const rules: (Rule | undefined)[] = [
    listRule('', anyTags.map(hashtag), shown),
    listRule('all of ', allTags.map(hashtag), shown),
    listRule('not ', noneTags.map(hashtag), shown),
    listRule(
      '',
      media.map((each) => MEDIA_WORDS[each]),
      Infinity,
    ),
    listRule('in ', languages.map(languageName), shown),
    labelRule(noneLabels),
    onlyAuthors.length > 0
      ? { words: `only ${countOf(onlyAuthors.length, 'account')}` }
      : undefined,
    noneAuthors.length > 0
      ? { words: `without ${countOf(noneAuthors.length, 'account')}` }
      : undefined,
    maxTags === undefined ? undefined : { words: `at most ${countOf(maxTags, 'hashtag')}` },
    trending && { words: `of the last ${countOf(trending.windowHours, 'hour')}` },
  ]
  return rules.filter((rule) => rule !== undefined)
}

const hashtag = (tag: string): string => `#${tag}`

function listRule(before: string, items: readonly string[], shown: number): Rule | undefined {
  if (items.length === 0) {
    return undefined
  }
  const whole = before + items.join(', ')
  const rest = items.length - shown
  return rest > 0
    ? { words: `${before}${items.slice(0, shown).join(', ')} +${rest}`, whole }
    : { words: whole }
}

function labelRule(labels: readonly string[]): Rule | undefined {
  if (labels.length === 0) {
    return undefined
  }
  const whole = `not labelled ${labels.join(', ')}`
  return labels.every((label) => ADULT.has(label))
    ? { words: 'no adult labels', whole }
    : { words: whole }
}

const names = new Intl.DisplayNames('en', { type: 'language' })

function languageName(code: string): string {
  return code === 'und' ? 'no language named' : (names.of(code) ?? code)
}
