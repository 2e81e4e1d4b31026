/**
 * What is still to be moved of an account that has come or gone. An account is hidden or shown by its one
 * row; the rows that follow from it (those under tags and filters, places in rankings, counts) are moved
 * in small steps beside the stream. Meanwhile:
 *
 * - The account's posts are cut in two by a record key: those from `shownFrom` on have been moved, those
 *   below it are as they were (`shownBefore`). Its engagements are cut by the id of the post that they are
 *   for: those up to `countedTo` have been moved. What is written meanwhile goes to the state of its side,
 *   so that what is derived follows exactly from the tables at every moment.
 * - While the account is to be in another state than before, the cut moves on until everything is moved;
 *   when it comes back to the former state, the cut moves back until nothing is. However often it
 *   changes its mind, only what was moved is moved back.
 * - Erased posts are those with an id up to `eraseTo`: what comes later has a higher one. Until its row is
 *   gone an erased post is taken for a deleted record; a record that is heard of again is erased at once.
 *   Engagement has no such mark, so that what is left of it is erased before the account engages again.
 * - Erased of the log are creates and updates up to `eventsTo`; readers leave them out until they are gone.
 * - Readers leave out the posts of an account that is hidden, or of which something is still to be erased:
 *   it stands in `hidden_author` for so long.
 */

export interface AccountMove {
  readonly accountId: number
  readonly did: string
  /** How the posts that are not moved are. */
  shownBefore: boolean
  /** Undefined: no post is moved yet. */
  shownFrom: string | undefined
  countedBefore: boolean
  /** 0: no engagement is moved yet. */
  countedTo: number
  /** -1: no post is to be erased. */
  eraseTo: number
  erasesMarks: boolean
  /** Whether it stands in `hidden_author`. */
  hides: boolean
  /** Up to which place of the log its creates and updates are to be erased; 0 = none. */
  eventsTo: number
}

/** Nothing is moved yet of an account that was in one state. */
export function beginMove(accountId: number, did: string, wasActive: boolean): AccountMove {
  return {
    accountId,
    did,
    shownBefore: wasActive,
    shownFrom: undefined,
    countedBefore: wasActive,
    countedTo: 0,
    eraseTo: -1,
    erasesMarks: false,
    hides: false,
    eventsTo: 0,
  }
}

/** Whether the rows of a post are there; `active`: of its account. */
export function isShown(move: AccountMove | undefined, active: boolean, rkey: string): boolean {
  if (move === undefined) {
    return active
  }
  const isMoved = move.shownFrom !== undefined && rkey >= move.shownFrom
  return isMoved !== move.shownBefore
}

/** Whether what an account does for a post is in its counts. */
export function isCounted(move: AccountMove | undefined, active: boolean, postId: number): boolean {
  return move === undefined ? active : postId <= move.countedTo !== move.countedBefore
}

/** Whether a stored post is one that was erased. */
export function isErased(move: AccountMove | undefined, postId: number): boolean {
  return move !== undefined && postId <= move.eraseTo
}

export function isErasing(move: AccountMove): boolean {
  return move.eraseTo >= 0 || move.erasesMarks
}

export function arePostsMoved(move: AccountMove, active: boolean): boolean {
  return move.shownBefore === active && move.shownFrom === undefined
}

export function areMarksMoved(move: AccountMove, active: boolean): boolean {
  return move.countedBefore === active && move.countedTo === 0
}

export function isMoved(move: AccountMove, active: boolean): boolean {
  return (
    !isErasing(move) &&
    move.eventsTo === 0 &&
    arePostsMoved(move, active) &&
    areMarksMoved(move, active)
  )
}

/**
 * All posts up to an id are erased, and all that the account has done; of what the log has of it up to a
 * place only the deletes stay. Nothing of it is left to show.
 */
export function beginErasing(
  move: AccountMove,
  { lastPostId, lastSeq }: { readonly lastPostId: number; readonly lastSeq: number },
): void {
  move.eraseTo = lastPostId
  move.eventsTo = lastSeq
  move.erasesMarks = true
  move.shownBefore = false
  move.shownFrom = undefined
}

/** What the account does from here on counts as the account does. */
export function endErasingMarks(move: AccountMove, active: boolean): void {
  move.erasesMarks = false
  move.countedBefore = active
  move.countedTo = 0
}
