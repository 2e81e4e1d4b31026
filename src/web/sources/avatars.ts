import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { findPictureType } from '../../feedfile/avatarFault.ts'
import type { FeedDefinition } from '../../feeds/feedDefinition.ts'

interface Picture {
  readonly type: string
  readonly body: Buffer
}

const PATH = /^\/avatars\/([0-9a-f]{32})$/u

/** The pictures of the feeds, each at an address that names its content. */
export interface Avatars {
  pathOf(rkey: string): string | undefined
  /** The picture at an address as it is now; undefined when it is another one by now. */
  find(path: string): Promise<Picture | undefined>
}

/** Looks at the pictures once; they are read again when somebody asks, so that none is held in memory. */
export async function openAvatars(
  feedsFile: string,
  definitions: readonly Pick<FeedDefinition, 'rkey' | 'avatar'>[],
): Promise<Avatars> {
  const files = new Map<string, string>()
  const digests = new Map<string, string>()
  for (const { rkey, avatar } of definitions) {
    const file = avatar === undefined ? undefined : resolve(dirname(feedsFile), avatar)
    const picture = file === undefined ? undefined : await readPicture(file)
    if (file !== undefined && picture !== undefined) {
      const digest = digestOf(picture.body)
      files.set(digest, file)
      digests.set(rkey, digest)
    }
  }
  return {
    pathOf(rkey) {
      const digest = digests.get(rkey)
      return digest === undefined ? undefined : `/avatars/${digest}`
    },
    async find(path) {
      const [, digest = ''] = PATH.exec(path) ?? []
      const file = files.get(digest)
      const picture = file === undefined ? undefined : await readPicture(file)
      return picture !== undefined && digestOf(picture.body) === digest ? picture : undefined
    },
  }
}

async function readPicture(file: string): Promise<Picture | undefined> {
  try {
    const body = await readFile(file)
    const type = findPictureType(body)
    return type === undefined ? undefined : { type, body }
  } catch {
    // The start has told of a picture that is not there; a feed without one is shown with a letter.
    return undefined
  }
}

function digestOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex').slice(0, 32)
}
