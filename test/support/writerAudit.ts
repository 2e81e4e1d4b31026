import pg from 'pg'

/** One write of the position of ingest, in the order of the writes. */
export interface PositionWrite {
  /** Of the session. */
  readonly pid: number
  /** By the clock of the database server, which is that of this machine; milliseconds. */
  readonly atMs: number
}

/** Notes in the database itself which session writes the position of ingest, and when. */
export class WriterAudit implements AsyncDisposable {
  readonly #client: pg.Client

  /** The database has to be migrated, and nobody ingests yet. */
  static async open(url: string): Promise<WriterAudit> {
    const client = new pg.Client({ connectionString: url, application_name: 'audit' })
    client.on('error', () => {})
    await client.connect()
    // The row of the position is locked by then, so that the numbers are in the order of the writes.
    await client.query(`
      create table audit (id bigserial primary key, pid integer not null, at timestamptz not null);
      create function note_writer() returns trigger language plpgsql as $$
        begin
          insert into audit (pid, at) values (pg_backend_pid(), clock_timestamp());
          return null;
        end $$;
      create trigger note_writer after insert or update or delete on ingest_position
        for each row execute function note_writer()`)
    return new WriterAudit(client)
  }

  private constructor(client: pg.Client) {
    this.#client = client
  }

  async writes(): Promise<PositionWrite[]> {
    const { rows } = await this.#client.query<PositionWrite>(
      `select pid, extract(epoch from at)::float8 * 1000 as "atMs" from audit order by id`,
    )
    return rows
  }

  /** The sessions that have written, each as often as it has begun to: twice for one that came back. */
  async writers(): Promise<number[]> {
    const pids = (await this.writes()).map(({ pid }) => pid)
    return pids.filter((pid, index) => pid !== pids[index - 1])
  }

  /** When the last session that has begun to write wrote first; undefined before there were so many. */
  async firstWriteMs(writer: number): Promise<number | undefined> {
    const pid = (await this.writers())[writer - 1]
    return (await this.writes()).find((write) => write.pid === pid)?.atMs
  }

  async query<Row extends object>(text: string): Promise<Row[]> {
    const { rows } = await this.#client.query<Row>(text)
    return rows
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.end()
  }
}
