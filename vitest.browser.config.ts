import { defineConfig } from 'vitest/config';

// `npm run test:browser`: builds the pages, and looks at them in Chromium beside a stack of their own.
export default defineConfig({
  test: {
    include: ['test/browser/**/*.test.ts'],
    globalSetup: ['test/browser/site.ts'],
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 120_000,
    hookTimeout: 240_000,
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    fileParallelism: false,
    maxConcurrency: 2,
    passWithNoTests: false,
  },
});
