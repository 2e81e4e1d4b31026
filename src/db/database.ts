import { sql } from 'kysely'
import type { CompiledQuery, Kysely, RawBuilder } from 'kysely'
import type { Eventually } from './eventually.ts'
import type { Schema } from './schema.ts'
import type { Dialect } from './statements/dialect.ts'

/** A statement prepared once and run many times. */
export interface Statement<Args, Row> {
  /** As the engine gets it; for looking at its plan. */
  readonly sql: string
  all(args: Args): Eventually<Row[]>
  /** The rows as arrays of their columns: half the cost of `all`, for hot paths. */
  tuples(args: Args): Eventually<Row[keyof Row][][]>
  /** Runs a statement whose rows nobody wants; returns how many rows it changed. */
  run(args: Args): Eventually<number>
}

/** Names a parameter of a statement while it is built. */
export type Parameters<Args> = {
  /** In WHERE or LIMIT. */
  <K extends keyof Args & string>(name: K): RawBuilder<Args[K]>
  /** Anywhere else: VALUES, SET, a function's argument. */
  value<K extends keyof Args & (string | number)>(name: K): RawBuilder<Args[K]>
}

/** Builds a statement, as text of SQL or with Kysely. */
export type Build<Args, Row> = (
  parameter: Parameters<Args>,
  db: Kysely<Schema>,
) => { compile(db: Kysely<Schema>): CompiledQuery<Row> }

/** What reads of what Kysely offers. */
export type ReadKysely = Pick<Kysely<Schema>, 'selectFrom' | 'fn' | 'introspection' | 'getExecutor'>

/** A connection with prepared statements: the only way in which hot paths speak SQL. */
export interface ReadDatabase extends AsyncDisposable {
  readonly dialect: Dialect
  /** For cold paths. */
  readonly kysely: ReadKysely
  prepare<Args extends object, Row = never>(build: Build<Args, Row>): Statement<Args, Row>
  /**
   * A number that is another one whenever another connection has committed; undefined where the
   * engine cannot tell at little cost.
   */
  version(): number | undefined
}

/** A connection that writes, too. */
export interface WriteDatabase extends ReadDatabase {
  /** It speaks over the same connection: inside `transaction` it is part of it. */
  readonly kysely: Kysely<Schema>
  /**
   * Runs `work` between begin and commit on the one writing connection; rolls back when it throws.
   * `alone`: no other transaction of any process is under way meanwhile, as is always so with SQLite.
   */
  transaction<T>(work: () => Promise<T>, mode?: 'alone'): Promise<T>
}

/** Stands in a compiled statement where an argument goes. */
class Placeholder {
  readonly name: string | number
  constructor(name: string | number) {
    this.name = name
  }
}

/** The parameters of a statement as an engine writes them, with placeholders for the arguments. */
export function parametersOf<Args>(dialect: Dialect): Parameters<Args> {
  return Object.assign((name: string) => dialect.parameter(new Placeholder(name)), {
    value: (name: string | number) => sql`${new Placeholder(name)}`,
  }) as unknown as Parameters<Args>
}

/** What puts the arguments of a call where the placeholders of the compiled statement stand. */
export function argumentBinder(parameters: readonly unknown[]): (args: object) => unknown[] {
  const isList = parameters.every(
    (value, index) => value instanceof Placeholder && value.name === index,
  )
  if (isList && parameters.length > 0) {
    return (args) => args as unknown[]
  }
  return (args) => {
    const values = args as Readonly<Record<string | number, unknown>>
    return parameters.map((value) => (value instanceof Placeholder ? values[value.name] : value))
  }
}
