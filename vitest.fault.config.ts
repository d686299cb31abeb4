import { defineConfig } from 'vitest/config';

const CAMPAIGN = 'test/fault/campaign.test.ts';

// `npm run test:fault`: each file starts a stack of its own, as `countersign up` does, and kills parts of it.
export default defineConfig({
  test: {
    reporters: ['default', './test/support/plain-reporter.ts'],
    testTimeout: 300_000,
    hookTimeout: 240_000,
    pool: 'forks',
    execArgv: ['--import', 'tsx'],
    passWithNoTests: false,
    projects: [
      {
        extends: true,
        test: {
          name: 'stacks',
          include: ['test/fault/**/*.test.ts'],
          exclude: [CAMPAIGN, 'node_modules/**'],
          // They wait more than they work.
          maxWorkers: 2,
          sequence: { groupOrder: 0 },
        },
      },
      {
        // A campaign works more than it waits: it comes last, and has the machine to itself.
        extends: true,
        test: { name: 'campaign', include: [CAMPAIGN], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
