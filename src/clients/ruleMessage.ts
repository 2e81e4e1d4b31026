import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import type { PostFacts } from '../posts/postFacts.ts'
import type { FeedRule, PostReason } from './explainPost.ts'

const SHOWN_TAGS = 10

/** What decided, in words for the author of the post. */
export function ruleMessage(
  rule: FeedRule | PostReason | 'in',
  { filter, trending, order }: FeedDefinition,
  facts: PostFacts | undefined,
  retentionDays: number,
): string {
  const tags = (names: readonly string[]): string =>
    names
      .slice(0, SHOWN_TAGS)
      .map((tag) => `#${tag}`)
      .join(', ') + (names.length > SHOWN_TAGS ? ' …' : '')
  switch (rule) {
    case 'in':
      return order === 'following'
        ? 'It is in this feed for those who follow its author.'
        : 'It is in this feed.'
    case 'kept':
    case 'unknown':
      return 'This service has not seen such a post: it may be older than the service, or not exist.'
    case 'tags': {
      const missing = filter.allTags.filter((tag) => facts?.tags.includes(tag) !== true)
      return missing.length > 0
        ? `This feed takes posts with all of ${tags(filter.allTags)}; it lacks ${tags(missing)}.`
        : `This feed takes posts with at least one of ${tags(filter.anyTags)}; it has none of them.`
    }
    case 'without': {
      const found = filter.noneTags.filter((tag) => facts?.tags.includes(tag) === true)
      return `This feed leaves out posts with ${tags(found)}.`
    }
    case 'media':
      return `This feed takes posts with ${filter.media.join(' or ')}; it has something else.`
    case 'languages':
      return `This feed takes posts in ${filter.languages.join(', ')}; it says ${facts?.languages.join(', ') || 'no language'}.`
    case 'labels':
      return 'Its author has put a label on it with which this feed leaves posts out.'
    case 'authors':
      return 'This feed does not take posts by its author.'
    case 'maxTags':
      return facts === undefined
        ? 'It has more hashtags than any client writes.'
        : `It has ${facts.tags.length} hashtags; this feed takes posts with at most ${filter.maxTags ?? 0}.`
    case 'retention':
      return `It is older than ${retentionDays} days: this service shows no older posts.`
    case 'window':
      return `It is older than ${trending?.windowHours ?? 0} hours: this feed ranks no older posts.`
    case 'rank':
      return `It is not among the ${trending?.maxPosts ?? 0} best posts of this feed now, or came after they were ranked.`
    case 'hidden':
      return 'The account of its author is not active, or was taken down.'
    case 'reply':
      return 'It is a reply: this service keeps posts that begin a thread.'
    case 'untagged':
      return 'It has no hashtags: a # in the text alone is none, the app has to make a link of it.'
    case 'deleted':
      return 'It was deleted.'
  }
}
