import type { TestDatabase } from './databases.ts'

/** Everything stored, but for ids, which depend on how the operations were cut into batches. */
export async function contents({ reader }: TestDatabase) {
  const db = reader.kysely
  const onPost = db
    .selectFrom('post')
    .innerJoin('account as author', 'author.id', 'post.account_id')
    .orderBy('author.did')
    .orderBy('post.rkey')
  return {
    posts: await onPost
      .select(['author.did', 'post.rkey', 'post.rev', 'cid', 'indexed_at', 'tags', 'media'])
      .execute(),
    records: await onPost
      .innerJoin('post_record', 'post_record.post_id', 'post.id')
      .select(['author.did', 'post.rkey', 'post_record.cid', 'created_us', 'record'])
      .execute(),
    accounts: await db
      .selectFrom('account')
      .select(['did', 'active', 'status', 'time_us', 'told_us', 'frames'])
      .where('time_us', '>=', 0)
      .orderBy('did')
      .execute(),
    traces: await db
      .selectFrom('record_trace')
      .selectAll()
      .orderBy('rkey')
      .orderBy('did')
      .orderBy('collection')
      .execute(),
    engagements: await onPost
      .innerJoin('engagement', 'engagement.post_id', 'post.id')
      .innerJoin('account as fan', 'fan.id', 'engagement.account_id')
      .select(['author.did', 'post.rkey', 'fan.did as by', 'engagement.rkey as record'])
      .select(['engagement.kind', 'engagement.rev'])
      .orderBy('fan.did')
      .orderBy('engagement.rkey')
      .orderBy('engagement.kind')
      .execute(),
    counts: await onPost
      .innerJoin('post_count', 'post_count.post_id', 'post.id')
      .select(['author.did', 'post.rkey', 'likes', 'reposts', 'replies', 'quotes'])
      .where((where) =>
        where.or(
          (['likes', 'reposts', 'replies', 'quotes'] as const).map((c) => where(c, '<>', 0)),
        ),
      )
      .execute(),
    tags: await db
      .selectFrom('post_tag')
      .select(['tag', 'indexed_at', 'cid', 'uri'])
      .orderBy('tag')
      .orderBy('uri')
      .execute(),
    hours: await db.selectFrom('tag_hour').selectAll().orderBy('hour').orderBy('tag').execute(),
    members: await db
      .selectFrom('filter_post')
      .select(['indexed_at', 'cid', 'uri'])
      .orderBy('uri')
      .execute(),
  }
}
