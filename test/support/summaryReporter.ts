import type { Reporter, TestModule } from 'vitest/node'

/** Ends a run with one line that any machine can read: how many tests passed and how many failed. */
export default class SummaryReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    let passed = 0
    let failed = unhandledErrors.length
    let skipped = 0
    for (const module of modules) {
      // A file that does not even load has no tests to count: it is one failure.
      failed += module.state() === 'failed' && module.errors().length > 0 ? 1 : 0
      for (const test of module.children.allTests()) {
        const state = test.result().state
        passed += state === 'passed' ? 1 : 0
        failed += state === 'failed' ? 1 : 0
        skipped += state === 'skipped' ? 1 : 0
      }
    }
    const tail = skipped > 0 ? `, ${skipped} skipped` : ''
    // The default reporter prints its own summary at the end of the run: this line comes after it.
    process.once('exit', () => process.stdout.write(`${passed} passed, ${failed} failed${tail}\n`))
  }
}
