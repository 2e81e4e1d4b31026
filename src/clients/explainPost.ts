import { sql } from 'kysely'
import type { ReadDatabase } from '../db/database.ts'
import type { FeedDefinition } from '../feeds/feedDefinition.ts'
import { rankingOf } from '../feeds/rankingDefinition.ts'
import { explainMatch } from '../posts/explainMatch.ts'
import type { FilterRule } from '../posts/explainMatch.ts'
import { authorPrefix } from '../posts/isAuthorShown.ts'
import type { PostFacts } from '../posts/postFacts.ts'
import { authorOf, rkeyOf } from '../posts/postUri.ts'
import { FATE, TRACED, wordOf } from '../posts/storedCodes.ts'
import type { Fate } from '../posts/storedCodes.ts'
import { unpackFacts } from '../posts/storedFacts.ts'
import type { StoredFacts } from '../posts/storedFacts.ts'
import { US_PER_DAY, US_PER_HOUR } from '../time.ts'
import type { Clock } from '../time.ts'
import { scoreReason, unpackReason } from '../trending/reason.ts'
import { ageInHours } from '../trending/score.ts'
import { ruleMessage } from './ruleMessage.ts'

/** Why a post is or is not kept. */
export type PostReason =
  | 'kept'
  | 'hidden'
  | 'reply'
  | 'untagged'
  | 'tags'
  | 'maxTags'
  | 'deleted'
  | 'retention'
  | 'unknown'

export type FeedRule =
  | FilterRule
  | 'retention'
  | 'window'
  | 'rank'
  | 'hidden'
  | 'reply'
  | 'untagged'
  | 'unknown'

export interface FeedExplanation {
  readonly isIn: boolean
  readonly rule: FeedRule
  readonly message: string
  readonly rank?: number
  readonly score?: number
}

export interface ExplainedPost {
  readonly known: boolean
  readonly reason: PostReason
  /** The id of a post that is visible. */
  readonly id: number | undefined
  /** Whether a feed has the post, and what decided. */
  explain(definition: FeedDefinition): Promise<FeedExplanation>
}

/** Explains posts by what is stored and by the code that decides for feeds. */
export type ExplainPost = (uri: string) => Promise<ExplainedPost>

export interface ExplainOptions {
  readonly database: ReadDatabase
  readonly retentionDays: number
  readonly clock: Clock
}

const REASONS: Readonly<Record<Fate, PostReason>> = {
  // Of a version that did not note why.
  unkept: 'unknown',
  deleted: 'deleted',
  expired: 'retention',
  reply: 'reply',
  untagged: 'untagged',
  crowded: 'maxTags',
  unnamed: 'tags',
}
/** What a feed says of a post that is not kept. */
const RULES: Readonly<Record<Exclude<PostReason, 'kept'>, FeedRule>> = {
  hidden: 'hidden',
  reply: 'reply',
  untagged: 'untagged',
  tags: 'tags',
  maxTags: 'maxTags',
  deleted: 'unknown',
  retention: 'retention',
  unknown: 'unknown',
}

export function createExplainPost(options: ExplainOptions): ExplainPost {
  const { retentionDays, clock } = options
  const statements = prepareExplain(options.database)
  return async (uri) => {
    const key = { did: authorOf(uri), rkey: rkeyOf(uri) }
    const [row] = await statements.post.all(key)
    const [trace] = row === undefined ? await statements.trace.all(key) : []
    const [hidden] = await statements.isHidden.all({
      did: key.did,
      prefix: authorPrefix(key.did),
    })
    const facts = row && unpackFacts(row)
    const nowUs = clock()
    const isOld = row !== undefined && row.indexed_at < nowUs - retentionDays * US_PER_DAY
    const reason = reasonOf({ row, facts, fate: trace && wordOf(FATE, trace.fate), isOld })
    const shown = reason === 'kept' && hidden?.hidden === 1 ? 'hidden' : reason

    async function explain(definition: FeedDefinition): Promise<FeedExplanation> {
      if (definition.pinned === uri && shown !== 'deleted' && hidden?.hidden !== 1) {
        return { isIn: true, rule: 'tags', message: 'It is pinned: it comes first.' }
      }
      if (shown !== 'kept' || row === undefined || facts === undefined) {
        const rule = RULES[shown === 'kept' ? 'unknown' : shown]
        return { isIn: false, rule, message: ruleMessage(shown, definition, facts, retentionDays) }
      }
      const ranking = rankingOf(definition)
      const [ranked] =
        ranking === undefined ? [] : await statements.rank.all({ key: ranking.key, id: row.id })
      if (ranking !== undefined && ranked !== undefined) {
        const ageHours = ageInHours(row.indexed_at, ranked.computed_us)
        const score = scoreReason(unpackReason(ranked.why), { ageHours, options: ranking.options })
        const message = `It is number ${ranked.rank} of this feed.`
        return { isIn: true, rule: 'rank', message, rank: ranked.rank, score }
      }
      const failed = explainMatch(definition.filter, key.did, facts)
      if (failed !== undefined) {
        const message = ruleMessage(failed, definition, facts, retentionDays)
        return { isIn: false, rule: failed, message }
      }
      if (ranking === undefined) {
        return { isIn: true, rule: 'tags', message: ruleMessage('in', definition, facts, 0) }
      }
      const isPast = row.indexed_at < nowUs - ranking.options.windowHours * US_PER_HOUR
      const rule = isPast ? 'window' : 'rank'
      return { isIn: false, rule, message: ruleMessage(rule, definition, facts, retentionDays) }
    }

    const id = shown === 'kept' ? row?.id : undefined
    return { known: row !== undefined || trace !== undefined, reason: shown, id, explain }
  }
}

function reasonOf({
  row,
  facts,
  fate,
  isOld,
}: {
  readonly row: PostRow | undefined
  readonly facts: PostFacts | undefined
  readonly fate: Fate | undefined
  readonly isOld: boolean
}): PostReason {
  if (row === undefined) {
    return fate === undefined ? 'unknown' : REASONS[fate]
  }
  if (facts === undefined) {
    return 'untagged'
  }
  return isOld ? 'retention' : 'kept'
}

type PostRow = StoredFacts & { readonly id: number; readonly indexed_at: number }

function prepareExplain(database: ReadDatabase) {
  type Key = { readonly did: string; readonly rkey: string }
  type Ranked = { readonly rank: number; readonly why: string; readonly computed_us: number }
  return {
    post: database.prepare<Key, PostRow>(
      (parameter) => sql<PostRow>`select p.id, p.indexed_at, p.tags, p.media, p.languages, p.labels
        from account as a cross join post as p
        where a.did = ${parameter('did')} and p.account_id = a.id and p.rkey = ${parameter('rkey')}`,
    ),
    trace: database.prepare<Key, { fate: number }>(
      (parameter) => sql<{ fate: number }>`select fate from record_trace
        where rkey = ${parameter('rkey')} and did = ${parameter('did')}
          and collection = ${sql.lit(TRACED.post)}`,
    ),
    isHidden: database.prepare<{ did: string; prefix: string }, { hidden: number }>(
      (parameter) => sql<{ hidden: number }>`select case
        when exists (select 1 from account where did = ${parameter('did')} and active = 0) then 1
        when exists (select 1 from hidden_author where uri_prefix = ${parameter('prefix')}) then 1
        else 0 end as hidden`,
    ),
    rank: database.prepare<{ key: string; id: number }, Ranked>(
      (parameter) => sql<Ranked>`select rp.rank, rp.why, g.computed_us from ranking as r
        cross join generation as g cross join ranking_post as rp
        where r.key = ${parameter('key')} and g.id = r.generation and rp.post_id = ${parameter('id')}
          and rp.generation = g.id`,
    ),
  }
}
