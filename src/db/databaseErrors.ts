/**
 * What an error of the database means for whoever waits for it:
 * `transient` goes away (locked, disk full, too many connections): try again, for ever;
 * `lost` is the end of the connection: what was held over it, a lock above all, is gone with it;
 * `refused` lies in the data of this statement: trying again is of no use;
 * `damaged` never goes away: a person has to act.
 */
export type DatabaseTrouble = 'transient' | 'lost' | 'refused' | 'damaged'

/** A connection to the database could not be made, or has ended. */
export class ConnectionLostError extends Error {
  override name = 'ConnectionLostError'
  readonly code = CONNECTION_LOST
}

/** As many wait for an answer already as can be answered in time. */
export class BusyError extends Error {
  override name = 'BusyError'
}

const CONNECTION_LOST = 'CONNECTION_LOST'

const SQLITE_TRANSIENT =
  /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|NOMEM|PROTOCOL|READONLY|INTERRUPT)/
const SQLITE_REFUSED = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** The five characters of an SQLSTATE. */
const SQLSTATE = /^[0-9A-Z]{5}$/
/** Connection failures, shutdowns, ended sessions, and a server that has become a replica. */
const POSTGRES_LOST = /^(08|57P|25006|25P03)/
/** Rolled back, out of resources, locked, cancelled by a time-out, or an error of the disk. */
const POSTGRES_TRANSIENT = /^(40|53|55|57014|58)/
/** A value or a constraint that says no, or a limit of the server. */
const POSTGRES_REFUSED = /^(2[123]|54)/

/** Undefined when the error does not come from the database. */
export function troubleOf(error: unknown): DatabaseTrouble | undefined {
  const code = codeOf(error)
  if (code === undefined) {
    return undefined
  }
  if (code === CONNECTION_LOST || POSTGRES_LOST.test(code)) {
    return 'lost'
  }
  if (SQLITE_TRANSIENT.test(code) || POSTGRES_TRANSIENT.test(code)) {
    return 'transient'
  }
  return SQLITE_REFUSED.test(code) || POSTGRES_REFUSED.test(code) ? 'refused' : 'damaged'
}

/** The engine's code of an error or of one of its causes. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : ''
  const isOurs = code.startsWith('SQLITE_') || code === CONNECTION_LOST || SQLSTATE.test(code)
  // `EPIPE` and its like have five letters too, and no class of SQLSTATE starts with an E.
  return isOurs && !/^E[A-Z]{4}$/.test(code) ? code : codeOf(error.cause)
}
