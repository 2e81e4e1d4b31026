import type { Generated } from 'kysely'

/** The tables. Moments are integer microseconds since 1970; flags are 0 or 1 on every engine. */
export interface Schema {
  account: AccountTable
  post: PostTable
  post_record: PostRecordTable
  record_trace: RecordTraceTable
  engagement: EngagementTable
  post_count: PostCountTable
  post_tag: PostTagTable
  filter: FilterTable
  filter_post: FilterPostTable
  author_post: AuthorPostTable
  ranking: RankingTable
  generation: GenerationTable
  ranking_post: RankingPostTable
  ingest_position: IngestPositionTable
  ingest_start: IngestStartTable
  ingest_gap: IngestGapTable
  ingest_writer: IngestWriterTable
  account_move: AccountMoveTable
  hidden_author: HiddenAuthorTable
  ingest_status: IngestStatusTable
  viewer: ViewerTable
  follow: FollowTable
  less: LessTable
  seen: SeenTable
  activity: ActivityTable
  activity_tag: ActivityTagTable
  activity_log: ActivityLogTable
  tag_hour: TagHourTable
}

/** An account that has kept posts, or whose status the stream has told. */
export interface AccountTable {
  id: Generated<number>
  did: string
  /** 0 hides everything of the account. */
  active: number
  /** Why it is not active, in the words of the stream. */
  status: string | null
  /** The latest `account.time`, the account's own clock, never later than its frame. -1 = none seen. */
  time_us: number
  /** The latest `time_us` of its frames, which is the host's clock. -1 = none seen. */
  told_us: number
  /** Its latest eight frames that counted, with a blank between them; null = none. */
  frames: string | null
  /** The time of the event that said the account was deleted; -1 = never. */
  erased_us: number
}

/** What is still to be moved of an account that has come or gone: `src/ingest/store/accountMove.ts`. */
export interface AccountMoveTable {
  account_id: number
  did: string
  shown_before: number
  shown_from: string | null
  counted_before: number
  counted_to: number
  erase_to: number
  erases_marks: number
  hides: number
  /** Up to which place of the log the creates and updates of the account are to be erased; 0 = none. */
  events_to: number
}

/** Readers leave out the at-uris that begin so, though their rows may still be there. */
export interface HiddenAuthorTable {
  uri_prefix: string
}

/** A kept post: the truth from which the rows of `post_tag` and `filter_post` are derived. */
export interface PostTable {
  id: Generated<number>
  account_id: number
  rkey: string
  /** The highest revision seen. */
  rev: string
  /** Of the first sight, as `indexed_at`: an update never moves a post. */
  cid: string
  indexed_at: number
  /** JSON array of canonical tags; empty while an update has left the post without tags. */
  tags: string
  /** Bits of `MEDIA_BIT`. */
  media: number
  /** JSON array of primary subtags. */
  languages: string
  /** JSON array of self-labels. */
  labels: string
}

/** The record of a kept post as it is now. No row: it was stored before there was this table. */
export interface PostRecordTable {
  post_id: number
  cid: string
  /** Its own date, as `parseCreatedAt` reads it; -1 = it has none that is readable. */
  created_us: number
  /** As `packRecord` makes it; null: it is not kept, or too large. */
  record: string | null
}

/** The highest revision of a record that is not kept, so that an older frame cannot bring it back. */
export interface RecordTraceTable {
  rkey: string
  did: string
  /** 0 = post, 1 = like, 2 = repost. */
  collection: number
  rev: string
  /** By `FATE`. */
  fate: number
  /** Our clock, when the trace was left. */
  seen_us: number
}

/** What a record does for a kept post of somebody else. */
export interface EngagementTable {
  /** Of the like, repost, reply or quote. */
  rkey: string
  account_id: number
  /** By `ENGAGEMENT`. */
  kind: number
  rev: string
  post_id: number
}

/** Derived: how many visible accounts engage with a post. No row = none ever did. */
export interface PostCountTable {
  post_id: number
  likes: number
  reposts: number
  replies: number
  quotes: number
  views: number
}

/** Derived: one row per visible post and tag. */
export interface PostTagTable {
  /** As `tagKey` makes it. */
  tag: string
  indexed_at: number
  cid: string
  uri: string
  post_id: number
}

/** A distinct filter of feeds, by its hash; feeds that filter alike share it. */
export interface FilterTable {
  id: Generated<number>
  hash: string
  /** The `PostFilter` as JSON. */
  definition: string
  /** 1 when all stored posts have been looked at. */
  ready: number
  /** When a process last served a feed with this filter. */
  used_us: number
}

/** Derived: one row per filter and visible post that it lets through. A page of a feed is read here. */
export interface FilterPostTable {
  filter_id: number
  indexed_at: number
  cid: string
  uri: string
  post_id: number
}

/** Derived: one row per visible post of a filter that a following feed has, found by its author. */
export interface AuthorPostTable {
  filter_id: number
  did: string
  indexed_at: number
  cid: string
  rkey: string
}

/** Somebody of whom something is stored. Written by those who serve, but for `heard_us` and `changes`. */
export interface ViewerTable {
  did: string
  /** When they asked last, to a day. */
  asked_us: number
  /** When the reading of their whole list of follows began; -1 = there is none. */
  walked_us: number
  /** Since when ingest keeps what the stream says of their follows; -1 = not yet. */
  heard_us: number
  /** Another number whenever ingest has changed their follows. */
  changes: number
}

/** A follow of a viewer, from their repository or from the stream. */
export interface FollowTable {
  /** DID. */
  viewer: string
  rkey: string
  /** DID; null = the record was deleted. */
  subject: string | null
  /** The highest revision that the stream has told; empty = none. */
  rev: string
  /** Our clock when the stream told it; -1 = it was read from the repository. */
  told_us: number
}

/** A post that a viewer asked to see less of. */
export interface LessTable {
  /** DID. */
  viewer: string
  uri: string
  asked_us: number
  /** It is forgotten then. */
  until_us: number
}

/** What was seen by whom, until ingest has counted it. */
export interface SeenTable {
  /** DID. */
  viewer: string
  uri: string
}

/** One row: how far the stream is committed. Written only in the transaction that stores a batch. */
export interface IngestPositionTable {
  id: number
  /** How far the stream has come: the `time_us` that its frames have reached. */
  time_us: number
  /** The host it was read from; `time_us` of two hosts differ by seconds. */
  host: string
  /** How far behind others before it a frame has come: disorder of the stream, as far as it matters. */
  disorder_us: number
  /** How far the last new event was behind our clock when it was committed; -1 = there was none. */
  lag_ms: number
  /** Our clock at the commit that moved it: what was sent later cannot have been read. */
  committed_us: number
}

/** One row: where the stream is to be read from for as long as nothing is committed. */
export interface IngestStartTable {
  id: number
  start_us: number
}

/** A part of the stream that no host could send any more. */
export interface IngestGapTable {
  from_us: number
  to_us: number
  /** Our clock when it was noticed. */
  seen_us: number
}

/** One row: who has stored a batch last. What a process knows of the store holds while it is itself. */
export interface IngestWriterTable {
  id: number
  writer: string
}

/** One row: what the process that ingests says of itself, every few seconds. */
export interface IngestStatusTable {
  id: number
  told_us: number
  /** The `IngestStatus` as JSON. */
  status: string
}

/** The rankings of all feeds that filter and rank alike, by `rankingKey`. */
export interface RankingTable {
  key: string
  /** The one that is served; null before the first. */
  generation: number | null
  /** When it was last found to be current, or made. */
  checked_us: number
  /** What the last attempt took, and how many posts were read for it. */
  duration_ms: number
  candidates: number
  /** 1 once it was made of a stream that was not behind: before that a feed may lack its best posts. */
  live: number
  /** Why the last attempt failed; null when it did not. */
  problem: string | null
}

/** One numbered ranking, which never changes; only posts that are gone leave it. */
export interface GenerationTable {
  id: Generated<number>
  ranking_key: string
  computed_us: number
  /** When the next one took its place; null for the one that is served. */
  superseded_us: number | null
  /** 1 when a reader was given a cursor into it: kept for a day more. */
  served: number
}

export interface RankingPostTable {
  generation: number
  /** From 1; where a post has left, there is a hole. */
  rank: number
  post_id: number
  indexed_at: number
  uri: string
  /** JSON array of what the score was made of: `packReason`. */
  why: string
}

/** One change of what is kept, or of an account with posts here, for seven days. */
export interface ActivityTable {
  /** Rises in the order of commits; there may be holes. */
  seq: number
  /** A code of `ACTIVITY`. */
  kind: number
  /** How far the stream had been read when it was stored; never falls while `seq` rises. */
  at_us: number
  account_id: number
  /** Null for an account, as the next three. */
  rkey: string | null
  /** Of the record as the change has left it; null for a delete. */
  cid: string | null
  /** JSON array: the tags after the change, for a delete those before. */
  tags: string | null
  /** JSON array: the tags before an update that has changed them. */
  tags_before: string | null
  /** Only of an account, as `status`. */
  active: number | null
  status: string | null
}

/** The changes by each tag that their post had before or after. */
export interface ActivityTagTable {
  tag: string
  kind: number
  seq: number
}

/** The one row that says which numbers were given. */
export interface ActivityLogTable {
  id: number
  last_seq: number
  last_at_us: number
  /** Up to here the log was cut off, since it was too old. */
  pruned_seq: number
}

/** How many rows `post_tag` has of a tag in an hour; derived from it. */
export interface TagHourTable {
  /** Of `indexed_at`, since 1970. */
  hour: number
  tag: string
  posts: number
}
