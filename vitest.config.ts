import { defineConfig } from 'vitest/config'

/** What the service promises whichever engine it runs on; the other files hardly touch the database. */
const ON_POSTGRES =
  'feedPages filters frames getFeedSkeleton hosts ingestSurroundings kept keptAccounts keptChanges keptOrder ' +
  'oracle pinnedPost position recordings scripts shutdown skeletonQueries startup stream subscribePosts surroundings tagQueries trending'

export default defineConfig({
  test: {
    reporters: ['default', './test/support/summaryReporter.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    globalSetup: './test/support/postgresSetup.ts',
    projects: [
      { extends: true, test: { name: 'unit', include: ['src/**/*.test.ts'] } },
      { extends: true, test: { name: 'contract', include: ['test/contract/**/*.test.ts'] } },
      {
        extends: true,
        test: {
          name: 'e2e',
          include: ['test/e2e/*.test.ts', 'test/e2e/postgres/*.test.ts'],
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        // Needs the package of its folder: `npm test` installs it.
        // Each test runs several commands, one process after the other.
        test: {
          name: 'pds',
          include: ['test/e2e/pds/*.test.ts'],
          testTimeout: 120_000,
          pool: 'forks',
          maxWorkers: 2,
        },
      },
      {
        extends: true,
        test: {
          name: 'e2e-postgres',
          include: ON_POSTGRES.split(' ').map((name) => `test/e2e/${name}.test.ts`),
          env: { TEST_ENGINE: 'postgres' },
          setupFiles: './test/support/dropDatabases.ts',
          pool: 'forks',
          maxWorkers: 2,
        },
      },
    ],
  },
})
