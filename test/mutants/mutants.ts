/** One line that is wrong, and the test that has to notice. */
export interface Mutant {
  /** What the fault models. */
  readonly models: string
  readonly file: string
  /** Occurs exactly once in the file. */
  readonly find: string
  readonly replace: string
  /** The test file, and the words of the test's name. */
  readonly caughtBy: readonly [file: string, name: string]
}

export const mutants: readonly Mutant[] = [
  {
    models: 'rows and position outside a transaction',
    file: 'src/db/sqlite.ts',
    find: "handle.exec('begin immediate')",
    replace: "handle.exec('select 1')",
    caughtBy: ['test/contract/storeBatch.test.ts', 'writes rows and position together'],
  },
  {
    models: 'a position that follows the last frame instead of the greatest',
    file: 'src/ingest/statements.ts',
    find: 'time_us = case when excluded.time_us > ingest_position.time_us',
    replace: 'time_us = case when true',
    caughtBy: ['test/contract/storeBatch.test.ts', 'never moves the position back'],
  },
  {
    models: 'a page that begins with the last post of the page before',
    file: 'src/feeds/pageStatements.ts',
    find: 'and (indexed_at, cid, uri) <',
    replace: 'and (indexed_at, cid, uri) <=',
    caughtBy: ['test/contract/pages.test.ts', 'together are all posts once'],
  },
  {
    models: 'a tie broken in the wrong direction',
    file: 'src/feeds/pageStatements.ts',
    find: 'order by indexed_at desc, cid desc, uri desc',
    replace: 'order by indexed_at desc, cid desc, uri asc',
    caughtBy: ['test/contract/pages.test.ts', 'together are all posts once'],
  },
  {
    models: 'limit + 1 forgotten',
    file: 'src/feeds/recent.ts',
    find: 'limit: room + (pinned === undefined ? 1 : 2)',
    replace: 'limit: room',
    caughtBy: ['test/contract/pages.test.ts', 'together are all posts once'],
  },
  {
    models: 'the pinned post shown twice',
    file: 'src/feeds/recent.ts',
    find: 'all.filter(([, , uri]) => uri !== pinned)',
    replace: 'all',
    caughtBy: ['test/contract/pages.test.ts', 'show the pinned post first'],
  },
  {
    models: 'retention left to pruning alone',
    file: 'src/feeds/recent.ts',
    find: 'oldest: Math.ceil(clock() - retentionUs)',
    replace: 'oldest: 0',
    caughtBy: ['test/contract/pages.test.ts', 'never show what is older'],
  },
  {
    models: 'a cursor that any feed takes',
    file: 'src/feeds/cursor.ts',
    find: '`${order}\\n${rkey}\\n${place}`',
    replace: '`${order}\\n${place}`',
    caughtBy: ['src/feeds/cursor.test.ts', 'is refused by another feed'],
  },
  {
    models: 'a delete that is ignored',
    file: 'src/ingest/foldRecord.ts',
    find: "return isOld ? state : { kind: 'trace', rev: op.rev, fate: 'deleted' }",
    replace: 'return state',
    caughtBy: ['src/ingest/foldRecord.test.ts', 'makes a new record of one that was deleted'],
  },
  {
    models: 'an older frame that wins because it came later',
    file: 'src/ingest/foldRecord.ts',
    find: 'state.rev >= op.rev',
    replace: 'state.rev === op.rev',
    caughtBy: ['src/ingest/foldRecord.test.ts', 'lets no older frame'],
  },
  {
    models: 'an update that moves its post',
    file: 'src/ingest/foldRecord.ts',
    find: 'return { ...state, rev, facts }',
    replace: 'return { ...state, rev, facts, cid, indexedAt }',
    caughtBy: ['src/ingest/foldRecord.test.ts', 'keeps the place of the first sight'],
  },
  {
    models: 'an account that is hidden before what came before it is stored',
    file: 'src/ingest/storeBatch.ts',
    find: "if (change !== 'none') {\n      const engages",
    replace: 'if (false) {\n      const engages',
    caughtBy: ['test/contract/storeBatch.test.ts', 'does the same in one batch'],
  },
  {
    models: 'an erasure that forgets the revisions of what it erased',
    file: 'src/ingest/recordStore.ts',
    find: "const after: RecordTrace = { kind: 'trace', rev: row.rev, fate: 'deleted' }",
    replace: "const after: RecordTrace = { kind: 'trace', rev: '2', fate: 'deleted' }",
    caughtBy: [
      'test/contract/storeBatch.test.ts',
      'changes nothing when the same stream comes twice',
    ],
  },
  {
    models: 'a ghost: deleted and created again in one batch',
    file: 'src/ingest/recordStore.ts',
    find: "after?.kind === 'kept' && after.id === id",
    replace: "after?.kind === 'kept'",
    caughtBy: ['test/e2e/kept.test.ts', 'leaves nothing behind'],
  },
  {
    models: 'a resume without rewinding',
    file: 'src/ingest/resumeCursor.ts',
    find: '- rewindUs - disorderUs',
    replace: '',
    caughtBy: ['src/ingest/resumeCursor.test.ts', 'lies before the position'],
  },
  {
    models: 'a wrong clock that moves the position into the future',
    file: 'src/ingest/ingester.ts',
    find: 'if (timeUs !== undefined && !isAhead) {',
    replace: 'if (timeUs !== undefined) {',
    caughtBy: ['test/e2e/stream.test.ts', 'an event of the future'],
  },
  {
    models: 'a host that has fallen silent and is asked again',
    file: 'src/ingest/jetstreamSource.ts',
    find: 'frames === 0 || wasIdle ||',
    replace: 'frames === 0 ||',
    caughtBy: ['test/e2e/stream.test.ts', 'falls silent after frames'],
  },
  {
    models: 'a kept first page that outlives a delete',
    file: 'src/xrpc/skeletonResponder.ts',
    find: 'kept !== undefined && kept.version === version',
    replace: 'kept !== undefined',
    caughtBy: ['test/e2e/skeletonResponder.test.ts', 'shows a deleted post no more'],
  },
  {
    models: 'pruning that takes posts a day too early',
    file: 'src/ingest/prune.ts',
    find: 'nowUs - this.#options.retentionDays * US_PER_DAY, nowUs',
    replace: 'nowUs - (this.#options.retentionDays - 1) * US_PER_DAY, nowUs',
    caughtBy: ['test/contract/prune.test.ts', 'takes posts that are older'],
  },
  {
    models: 'a ranking that trusts its guess of what can be left out',
    file: 'src/trending/rankBest.ts',
    find: 'floor === 0 || lowest >= floor',
    replace: 'lowest >= 0',
    caughtBy: ['src/trending/rankBest.test.ts', 'exactly as if all were looked at'],
  },
  {
    models: 'a featured post left out for what it scores without the boost',
    file: 'src/trending/candidates.ts',
    find: 'Math.max(1, featuredBoost)',
    replace: '1',
    caughtBy: ['test/contract/ranking.test.ts', 'what the definition says'],
  },
  {
    models: 'candidates that age from their first second, whatever minAgeHours says',
    file: 'src/trending/candidateStatements.ts',
    find: 'p.indexed_at > ${',
    replace: 'p.indexed_at < ${',
    caughtBy: ['test/contract/ranking.test.ts', 'what the definition says'],
  },
  {
    models: 'a second like of an account that counts as well',
    file: 'src/ingest/engagementTally.ts',
    find: 'Number(before + change > 0) - Number(before > 0)',
    replace: 'change',
    caughtBy: ['test/contract/engagement.test.ts', 'is counted as the records say'],
  },
  {
    models: "an author's own like that counts",
    file: 'src/ingest/readEngagement.ts',
    find: "rkey === '' || author === did",
    replace: "rkey === ''",
    caughtBy: ['src/ingest/readEngagement.test.ts', "is nothing when it is the author's own"],
  },
  {
    models: 'an account that goes and leaves its likes behind',
    file: 'src/ingest/engagementStore.ts',
    find: 'sign: isShown ? 1 : -1',
    replace: 'sign: isShown ? 1 : 0',
    caughtBy: ['test/contract/engagement.test.ts', 'is counted as the records say'],
  },
  {
    models: 'a like taken for that of a stranger whatever its text says',
    file: 'src/ingest/strangerMark.ts',
    find: "'[ !#-\\\\[\\\\]-~]*'",
    replace: "'[^\"]*'",
    caughtBy: ['src/ingest/strangerMark.test.ts', 'says of no frame'],
  },
  {
    models: 'a ranking dropped while somebody may still scroll in it',
    file: 'src/trending/materialize.ts',
    find: 'nowUs - SERVED_KEPT_US',
    replace: 'nowUs - UNSERVED_KEPT_US',
    caughtBy: ['test/contract/trending.test.ts', 'is kept for a day when it was served'],
  },
  {
    models: 'a cursor into a ranking that goes on in the newest one',
    file: 'src/feeds/trending.ts',
    find: 'statements.numbered.tuples({ generation, ...placeOf(rank, room) })',
    replace: 'readCurrent(rank, room)',
    caughtBy: ['test/contract/trending.test.ts', 'is walked as it was made'],
  },
]
