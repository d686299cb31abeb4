import type { Reporter, TestModule } from 'vitest/node';

/** Closes a test command with `N passed, N failed, N skipped`, the line CI counts by. */
export default class PlainReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    const count = { passed: 0, failed: errors.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      for (const testCase of module.children.allTests()) {
        count[testCase.result().state] += 1;
      }
      // What fails around tests counts as well: hooks of a file and of its groups.
      for (const around of [module, ...module.children.allSuites()]) {
        count.failed += around.errors().length;
      }
    }
    console.log(
      `${count.passed} passed, ${count.failed} failed, ${count.skipped + count.pending} skipped`,
    );
  }
}
