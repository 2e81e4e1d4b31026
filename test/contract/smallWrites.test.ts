import { describe, expect, test } from 'vitest'
import { SmallWrites } from '../../src/db/smallWrites.ts'
import { engines } from '../support/databases.ts'

describe.each(engines)('small writes on $name', ({ open }) => {
  test('are all done, also one that is handed in while another one ends', async () => {
    await using database = await open()
    await using writes = new SmallWrites(database.url)
    const done: number[] = []
    const write = async (index: number): Promise<void> => {
      await writes.write(async ({ kysely }) => {
        await kysely
          .insertInto('seen')
          .values({ viewer: 'did:plc:a', uri: String(index) })
          .execute()
      })
      done.push(index)
      if (index < 20) {
        await write(index + 1)
      }
    }
    await write(0)
    expect(done).toHaveLength(21)
    const rows = await database.reader.kysely.selectFrom('seen').selectAll().execute()
    expect(rows).toHaveLength(21)
  })

  test('tell what fails, and go on with the next', async () => {
    await using database = await open()
    await using writes = new SmallWrites(database.url)
    const fault = writes.write(() => Promise.reject(new Error('a fault of ours')))
    const next = writes.write(async ({ kysely }) => {
      await kysely.insertInto('seen').values({ viewer: 'did:plc:a', uri: 'x' }).execute()
    })
    await expect(fault).rejects.toThrow('a fault of ours')
    await next
  })

  test('wait for a lock of another process, and are done then', async () => {
    await using database = await open()
    await using writes = new SmallWrites(database.url)
    let isDone = false
    const insert = writes.write.bind(writes, async ({ kysely }) => {
      await kysely
        .insertInto('seen')
        .values({ viewer: 'did:plc:b', uri: 'x' })
        .onConflict((conflict) => conflict.doNothing())
        .execute()
    })
    let written = Promise.resolve()
    await database.writer.transaction(async () => {
      await database.writer.kysely
        .insertInto('seen')
        .values({ viewer: 'did:plc:b', uri: 'x' })
        .execute()
      written = insert().then(() => {
        isDone = true
      })
      await new Promise((resolve) => {
        setTimeout(resolve, 200)
      })
      expect(isDone).toBe(false)
    }, 'alone')
    await written
    expect(isDone).toBe(true)
  })
})
