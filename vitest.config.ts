import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts', 'examples/**/*.test.ts'],
    exclude: ['test/fault/**', 'test/browser/**', 'node_modules/**'],
    globalSetup: ['test/support/global-setup.ts'],
    reporters: ['default', './test/support/plain-reporter.ts'],
    // Against tests that hang; a machine that is busy with other things takes its time.
    testTimeout: 120_000,
    hookTimeout: 240_000,
    pool: 'forks',
    // Temporal's worker loads the payload converter with require(), which must understand TypeScript.
    execArgv: ['--import', 'tsx'],
    maxWorkers: 3,
    passWithNoTests: false,
  },
});
