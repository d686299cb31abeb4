import { defineConfig } from 'vitest/config';

// `npm run test:fault`: each file starts a stack of its own, as `countersign up` does, and kills parts of it.
export default defineConfig({
  test: {
    include: ['test/fault/**/*.test.ts'],
    // The short campaign has not been seen to pass on this core yet: run it by hand, with `npm run fault`.
    exclude: ['test/fault/campaign.test.ts', 'node_modules/**'],
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 240_000,
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    // They wait more than they work.
    maxWorkers: 2,
    passWithNoTests: false,
  },
});
