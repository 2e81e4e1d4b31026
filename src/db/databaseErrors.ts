/**
 * What an error of the database means for whoever waits for it:
 * `transient` goes away (locked, disk full, connection lost): try again, for ever;
 * `refused` lies in the data of this statement: trying again is of no use;
 * `damaged` never goes away: a person has to act.
 */
export type DatabaseTrouble = 'transient' | 'refused' | 'damaged'

const TRANSIENT = /^SQLITE_(BUSY|LOCKED|FULL|IOERR|CANTOPEN|NOMEM|PROTOCOL|READONLY|INTERRUPT)/
const REFUSED = /^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/

/** Undefined when the error does not come from the database. */
export function troubleOf(error: unknown): DatabaseTrouble | undefined {
  const code = codeOf(error)
  if (code === undefined) {
    return undefined
  }
  if (TRANSIENT.test(code)) {
    return 'transient'
  }
  return REFUSED.test(code) ? 'refused' : 'damaged'
}

function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) {
    return undefined
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined
  return code?.startsWith('SQLITE_') === true ? code : codeOf(error.cause)
}
