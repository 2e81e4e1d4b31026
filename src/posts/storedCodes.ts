/**
 * The numbers that stand for words in databases. They never change their meaning: what is stored by one
 * version is read by the next.
 */
import type { Media } from './postFilter.ts'

/** What a remembered record is: the column `collection` of `record_trace`. */
export const TRACED = { post: 0, like: 1, repost: 2 } as const
export type Traced = keyof typeof TRACED

/**
 * Why a record is not kept: it has never been one to keep; it was deleted, or erased with its account;
 * or it was kept until its place fell out of the retention, where an update leaves it. Of a post that is
 * not one to keep also why: a reply; without tags; with too many; with none that the feeds name, where only
 * those are kept. The column `fate` of `record_trace`.
 */
export const FATE = {
  unkept: 0,
  deleted: 1,
  expired: 2,
  reply: 3,
  untagged: 4,
  crowded: 5,
  unnamed: 6,
} as const
export type Fate = keyof typeof FATE
/** Why a post is not one to keep. */
export type Unkept = Extract<Fate, 'reply' | 'untagged' | 'crowded' | 'unnamed'>

/** The column `kind` of `engagement`. */
export const ENGAGEMENT = { like: 0, repost: 1, reply: 2, quote: 3, view: 4 } as const
export type EngagementKind = keyof typeof ENGAGEMENT

/** What has happened: the column `kind` of `activity`. */
export const ACTIVITY = { create: 0, update: 1, delete: 2, account: 3 } as const
export type ActivityKind = keyof typeof ACTIVITY

/** The bits of the column `media` of `post`; 0 is a post without media. */
export const MEDIA_BIT: Readonly<Record<Exclude<Media, 'none'>, number>> = {
  image: 1,
  video: 2,
  link: 4,
}

/** The word that a stored number stands for; undefined for a number of no version. */
export function wordOf<Word extends string>(
  codes: Readonly<Record<Word, number>>,
  code: number,
): Word | undefined {
  return (Object.keys(codes) as Word[]).find((word) => codes[word] === code)
}
