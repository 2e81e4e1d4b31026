import type { Us } from '../../time.ts'
import type { Engagement } from '../events/operations.ts'
import { RecentMap } from '../memory/recentMap.ts'
import type { RecordMemory } from '../memory/recordMemory.ts'
import type { Statements } from './statements.ts'

/** About 200 bytes each. */
const REMEMBERED = 30_000

/** Author and record key of a post. */
export type SubjectKey = Pick<Engagement, 'did' | 'rkey'>

/** The row of a kept post. */
interface Subject {
  readonly id: number
  readonly indexedAt: Us
}

/** Kept posts as what others engage with; those that were engaged with last are held in memory. */
export class SubjectStore {
  readonly #statements: Statements
  readonly #recent: RecentMap<string, Subject>

  constructor(statements: Statements, memory: Pick<RecordMemory, 'hold'>) {
    this.#statements = statements
    this.#recent = memory.hold(new RecentMap(REMEMBERED))
  }

  /** A post has no row any more. */
  forget(post: SubjectKey): void {
    this.#recent.delete(subjectKey(post))
  }

  /** The ids of those posts that are kept and not older than a moment, by `subjectKey`. */
  async find(posts: readonly SubjectKey[], sinceUs: Us): Promise<Map<string, number>> {
    const subjects = new Map<string, number>()
    const add = (key: string, { id, indexedAt }: Subject): void => {
      if (indexedAt >= sinceUs) {
        subjects.set(key, id)
      }
    }
    const missing = new Map<string, [did: string, rkey: string]>()
    for (const post of posts) {
      const key = subjectKey(post)
      const recent = this.#recent.get(key)
      if (recent === undefined) {
        missing.set(key, [post.did, post.rkey])
      } else {
        add(key, recent)
      }
    }
    const rows = await this.#statements.subjectsByKey.all([...missing.values()])
    for (const { id, did, rkey, indexed_at } of rows) {
      const key = subjectKey({ did, rkey })
      const subject = { id, indexedAt: indexed_at }
      this.#recent.set(key, subject)
      add(key, subject)
    }
    return subjects
  }
}

export function subjectKey({ did, rkey }: SubjectKey): string {
  return `${did}/${rkey}`
}
