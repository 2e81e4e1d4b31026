import { PostgresDialect } from 'kysely'
import type { Kysely } from 'kysely'
import type pg from 'pg'
import { argumentBinder, parametersOf } from '../database.ts'
import type { Build, Statement } from '../database.ts'
import type { Schema } from '../schema.ts'
import { postgresDialect } from '../statements/dialect.ts'
import type { PostgresQuery } from './postgresConnection.ts'

/** Sends a query somewhere, and returns when the server has. */
export type SendQuery = (query: PostgresQuery) => Promise<pg.QueryResult>

let statements = 0

/** A statement that each connection prepares when it first runs there. */
export function prepareStatement<Args extends object, Row>(
  send: SendQuery,
  kysely: Kysely<Schema>,
  build: Build<Args, Row>,
): Statement<Args, Row> {
  const { sql: text, parameters } = build(parametersOf<Args>(postgresDialect), kysely).compile(
    kysely,
  )
  const bind = argumentBinder(parameters)
  statements += 1
  const name = `s${statements}`
  return {
    sql: text,
    all: async (args) => {
      const { rows } = await send({ name, text, values: bind(args) })
      return rows as Row[]
    },
    tuples: async (args) => {
      const values = bind(args)
      const { rows } = await send({ name, text, values, rowMode: 'array' })
      return rows as Row[keyof Row][][]
    },
    run: async (args) => {
      const { rowCount } = await send({ name, text, values: bind(args) })
      return rowCount ?? 0
    },
  }
}

/** Lets kysely speak over `send`: it believes to have a pool. */
export function kyselyDialect(send: SendQuery): PostgresDialect {
  const client = {
    query: (text: string, values: readonly unknown[]) => send({ text, values }),
    release: () => {},
  }
  return new PostgresDialect({
    pool: {
      options: {},
      connect: () => Promise.resolve(client as never),
      end: () => Promise.resolve(),
    },
  })
}
