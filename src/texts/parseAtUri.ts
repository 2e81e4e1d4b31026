/** The parts of the at-uri of a record. */
export interface AtUri {
  /** A DID; a handle where somebody has written one. */
  readonly authority: string
  readonly collection: string
  readonly rkey: string
}

const RECORD = /^at:\/\/([^/]+)\/([^/]+)\/([^/]+)$/u

/** Takes the at-uri of a record apart; undefined for any other text. What the parts are is not checked. */
export function parseAtUri(text: string): AtUri | undefined {
  const [, authority, collection, rkey] = RECORD.exec(text) ?? []
  return authority === undefined || collection === undefined || rkey === undefined
    ? undefined
    : { authority, collection, rkey }
}
