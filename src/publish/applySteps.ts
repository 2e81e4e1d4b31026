import { PdsError } from '../pds/pdsError.ts'
import type { Repository } from '../pds/repository.ts'
import type { Session } from '../pds/session.ts'
import { diffRecord } from './diffRecord.ts'
import type { WriteStep } from './planPublish.ts'

/** A record that has been written and read back. */
export interface Written {
  readonly rkey: string
  readonly uri: string
  readonly cid: string
}

/**
 * Carries the steps out one by one, and tells each that is done and read back as it should be.
 * @throws PdsError at the first that fails; those before it are done
 */
export async function applySteps(
  steps: readonly WriteStep[],
  { repository, session }: { readonly repository: Repository; readonly session: Session },
  onWritten: (written: Written) => void,
): Promise<void> {
  const uploaded = new Set<string>()
  for (const step of steps) {
    // Several feeds may have the same picture.
    if (step.upload !== undefined && !uploaded.has(step.upload.cid)) {
      await repository.upload(session, step.upload)
      uploaded.add(step.upload.cid)
    }
    const cid = await repository.put(session, step)
    await verifyRecord(repository, step, cid)
    onWritten({ rkey: step.rkey, uri: repository.uriOf(step.rkey), cid })
  }
}

/** Success is what the repository shows, not what the answer to the write says. */
async function verifyRecord(repository: Repository, step: WriteStep, cid: string): Promise<void> {
  const found = await repository.get(step.rkey)
  const subject = `${repository.uriOf(step.rkey)} was written, but`
  if (found === undefined) {
    throw new PdsError(`${subject} the PDS does not have it: run the command again`)
  }
  const changes = diffRecord(step.record, found.value)
  if (changes.length > 0 || found.cid !== cid) {
    const fields = changes.map(({ field }) => field).join(', ')
    const what = changes.length > 0 ? `reads back with another ${fields}` : 'was changed at once'
    throw new PdsError(`${subject} ${what}: run the command with --dry-run to see how it is now`)
  }
}
