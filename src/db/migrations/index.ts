import type { Migration } from 'kysely/migration'
import { systemClock } from '../../time.ts'
import type { Dialect } from '../statements/dialect.ts'
import * as init from './001-init.ts'
import * as addKnownRecords from './002-add-known-records.ts'
import * as addAccountMoves from './003-add-account-moves.ts'
import * as addGap from './004-add-gap.ts'
import * as addViewers from './005-add-viewers.ts'
import * as addRecords from './006-add-records.ts'
import * as addActivity from './007-add-activity.ts'
import * as addTagHours from './008-add-tag-hours.ts'

/** All migrations in order. A released one is never edited. */
export function migrationsFor(dialect: Dialect): Record<string, Migration> {
  return {
    '001-init': { up: (db) => init.up(db, dialect) },
    '002-add-known-records': { up: (db) => addKnownRecords.up(db, dialect) },
    '003-add-account-moves': { up: (db) => addAccountMoves.up(db, dialect, systemClock()) },
    '004-add-gap': { up: (db) => addGap.up(db, dialect) },
    '005-add-viewers': { up: (db) => addViewers.up(db, dialect) },
    '006-add-records': { up: (db) => addRecords.up(db, dialect) },
    '007-add-activity': { up: (db) => addActivity.up(db, dialect) },
    '008-add-tag-hours': { up: (db) => addTagHours.up(db, dialect) },
  }
}
