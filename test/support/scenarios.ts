import type { BlockFunctions } from '../../src/blocks.js';
import { diagnose, repair } from '../../src/delivery/doctor.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import type { RunRow } from '../../src/store/tables.js';
import { block, forEach, gate, type Installation, passing, reviewer } from './installation.js';
import type { Operator } from './operator.js';
import { until } from './until.js';
import { recordVote } from './voters.js';

/** Appears in everything that people or blocks write in the scenarios, and must stay out of Temporal. */
export const CANARY = 'CANARY';

const FUNCTIONS: BlockFunctions = {
  act: ({ input }) => ({ done: input }),
  fail: () => {
    throw new Error(`${CANARY} no such table`);
  },
};
export const SCENARIO_FUNCTIONS = FUNCTIONS;

const finance = (id: string): ReturnType<typeof reviewer> => ({
  ...reviewer(id, 'finance'),
  name: `${CANARY} ${id}`,
  email: `${CANARY}@example.org`,
});
const u1 = finance('u1');
const u2 = finance('u2');
const inputs = {
  extract: { total: 5, note: CANARY },
  drop: { table: CANARY },
};
const prose = { name: CANARY, instructions: CANARY, link: `https://example.org/${CANARY}` };
const twoOfFinance = gate({ ...prose, groups: [{ group: 'finance', required: 2 }] });
const extract = block('extract', { label: CANARY, review: twoOfFinance });
/** Its gate cannot open at once: its block takes as long as it takes. */
const executed = block('fetch', {
  executor: { kind: 'function', name: 'act' },
  review: twoOfFinance,
});
const gatedInput = (about: Parameters<typeof gate>[0] = {}): ReturnType<typeof block> =>
  block('drop', {
    executor: { kind: 'function', name: 'act' },
    execution: { repeatable: false, attempts: 1, timeout: '30s' },
    review: gate({ ...prose, placement: 'input', corrections: 'none', ...about }),
  });

const items = [
  { n: 1, note: CANARY },
  { n: 2, note: CANARY },
];
/** A for_each over two items, with a gate in each iteration. */
const iterating = (about: Parameters<typeof gate>[0] = {}): ReturnType<typeof block> =>
  forEach('each', [
    block('check', {
      review: gate({ ...prose, groups: [{ group: 'finance', required: 2 }], ...about }),
    }),
    passing('keep', 'check'),
  ]);
const partitions = {
  partitions: [
    { key: CANARY, pages: [1] },
    { key: 'other', pages: [2] },
  ],
};

/** One way a run can go. `isOpen`: it waits for people when the scenario is over. */
export type Scenario = {
  readonly name: string;
  readonly isOpen: boolean;
  readonly play: (on: Installation, op: Operator) => Promise<RunRow>;
};

async function voteBoth(
  on: Installation,
  run: RunRow,
  blockId: string,
  iterationKey?: string,
): Promise<void> {
  const review = await on.reviewOf(run, blockId, iterationKey);
  await on.vote(review, u1, { reason: CANARY });
  await on.vote(review, u2, { reason: CANARY });
}

async function holderOf(
  on: Installation,
  run: RunRow,
  blockId: string,
  iterationKey?: string,
): Promise<string> {
  await on.reviewOf(run, blockId, iterationKey);
  return (await on.step(run, blockId, iterationKey)).holder ?? '';
}

async function release(on: Installation, run: RunRow, blockId: string): Promise<void> {
  const review = await on.reviewOf(run, blockId);
  const admin = { ...u1, id: 'u_admin', roles: ['admin' as const] };
  const request = {
    command: { kind: 'release' as const },
    reason: null,
    dialect: 'native' as const,
  };
  await until('the approval', async () => (await on.reviewOf(run, blockId)).status === 'APPROVED');
  await recordVote(on.database.db, admin, review.id, request, 0);
}

/** Every path that a gated run can take, each recorded once a release and replayed for ever. */
export const SCENARIOS: readonly Scenario[] = [
  {
    name: 'waiting',
    isOpen: true,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      await op.idle(await holderOf(on, run, 'extract'));
      return run;
    },
  },
  {
    name: 'waiting-after-first-vote',
    isOpen: true,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      const holder = await holderOf(on, run, 'extract');
      await on.vote(await on.reviewOf(run, 'extract'), u1, { reason: CANARY });
      await op.idle(holder);
      return run;
    },
  },
  {
    name: 'waiting-for-manual-release',
    isOpen: true,
    play: async (on, op) => {
      const run = await on.run([gatedInput({ release: 'manual' })], inputs);
      const holder = await holderOf(on, run, 'drop');
      await on.vote(await on.reviewOf(run, 'drop'), u1);
      await op.idle(holder);
      return run;
    },
  },
  {
    name: 'approved-output',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      await voteBoth(on, run, 'extract');
      return await on.ended(run);
    },
  },
  {
    name: 'approved-input',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([gatedInput()], inputs);
      await on.vote(await on.reviewOf(run, 'drop'), u1);
      return await on.ended(run);
    },
  },
  {
    name: 'released-by-hand',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([gatedInput({ release: 'manual' })], inputs);
      await on.vote(await on.reviewOf(run, 'drop'), u1);
      await release(on, run, 'drop');
      return await on.ended(run);
    },
  },
  {
    name: 'released-after-a-time',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([gatedInput({ release: { after: '300ms' } })], inputs);
      await on.vote(await on.reviewOf(run, 'drop'), u1);
      return await on.ended(run);
    },
  },
  {
    name: 'predicate-does-not-fire',
    isOpen: false,
    play: async (on) => {
      const never = { kind: 'expression', expression: `output.note == "not ${CANARY}"` } as const;
      const neverInput = { kind: 'expression', expression: 'input.table == ""' } as const;
      return await on.ended(
        await on.run(
          [
            block('extract', { review: gate({ predicate: never }) }),
            gatedInput({ predicate: neverInput }),
          ],
          inputs,
        ),
      );
    },
  },
  {
    name: 'rejected',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      const review = await on.reviewOf(run, 'extract');
      await on.vote(review, u1, { verdict: 'rejected', reason: CANARY });
      return await on.ended(run);
    },
  },
  {
    name: 'cancelled-while-waiting',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      await on.reviewOf(run, 'extract');
      await cancelRun(on.database.db, u1, run.id, { reason: CANARY, dialect: 'native' }, 0);
      return await on.ended(run);
    },
  },
  {
    name: 'cancelled-in-temporal',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      await on.reviewOf(run, 'extract');
      await op.cancel(run.id);
      return await on.ended(run);
    },
  },
  {
    name: 'block-failed',
    isOpen: false,
    play: async (on) => {
      const failing = { kind: 'function', name: 'fail' } as const;
      const execution = { repeatable: true, attempts: 2, timeout: '30s' };
      const run = await on.run([block('fetch', { executor: failing, execution })], inputs);
      return await on.ended(run);
    },
  },
  {
    name: 'executed-output-waiting',
    isOpen: true,
    play: async (on, op) => {
      const run = await on.run([executed, passing('book', 'fetch')], inputs);
      await op.idle(await holderOf(on, run, 'fetch'));
      return run;
    },
  },
  {
    name: 'executed-output-approved',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([executed, passing('book', 'fetch')], inputs);
      await voteBoth(on, run, 'fetch');
      return await on.ended(run);
    },
  },
  {
    name: 'gated-block-failed',
    isOpen: false,
    play: async (on) => {
      const failing = { kind: 'function', name: 'fail' } as const;
      const execution = { repeatable: true, attempts: 1, timeout: '30s' };
      const run = await on.run(
        [block('fetch', { executor: failing, execution, review: twoOfFinance })],
        inputs,
      );
      return await on.ended(run);
    },
  },
  {
    name: 'parallel-gates',
    isOpen: false,
    play: async (on) => {
      const run = await on.run(
        [
          extract,
          block('second', { needs: [], executor: { kind: 'supplied' }, review: twoOfFinance }),
          block('book', { executor: { kind: 'pass' }, needs: ['extract', 'second'] }),
        ],
        { ...inputs, second: { note: CANARY } },
      );
      await Promise.all([voteBoth(on, run, 'extract'), voteBoth(on, run, 'second')]);
      return await on.ended(run);
    },
  },
  {
    // What waits for the same block begins in one workflow task, whatever else each of them waited for.
    name: 'ready-together',
    isOpen: false,
    play: async (on) => {
      const run = await on.run(
        [
          extract,
          block('notes'),
          block('first', { needs: ['notes', 'extract'], review: twoOfFinance }),
          passing('second', 'extract'),
          block('third', { needs: ['extract'], review: twoOfFinance }),
          block('book', { executor: { kind: 'pass' }, needs: ['first', 'second', 'third'] }),
        ],
        { ...inputs, notes: {}, first: { note: CANARY }, third: { note: CANARY } },
      );
      await voteBoth(on, run, 'extract');
      await voteBoth(on, run, 'third');
      await voteBoth(on, run, 'first');
      return await on.ended(run);
    },
  },
  {
    name: 'ready-together-and-waiting',
    isOpen: true,
    play: async (on) => {
      const run = await on.run(
        [
          extract,
          block('notes'),
          block('first', { needs: ['extract', 'notes'], review: twoOfFinance }),
          block('second', { needs: ['extract'], review: twoOfFinance }),
          block('book', { executor: { kind: 'pass' }, needs: ['first', 'second'] }),
        ],
        { ...inputs, notes: {}, first: { note: CANARY }, second: { note: CANARY } },
      );
      await voteBoth(on, run, 'extract');
      await on.reviewOf(run, 'first');
      await on.reviewOf(run, 'second');
      return run;
    },
  },
  {
    name: 'forged-signals',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      const review = await on.reviewOf(run, 'extract');
      const holder = await holderOf(on, run, 'extract');
      const fact = {
        kind: 'vote',
        seq: 1,
        id: 'fct_FORGED',
        reviewerId: 'u_forger',
        versionId: review.newestVersionId,
        verdict: 'approved',
        fills: [],
        forced: false,
        actingFor: null,
      };
      const told = { status: 'APPROVED', versionId: review.newestVersionId };
      await op.signal(holder, { review_id: review.id, fact, status: told });
      await op.signal(holder, null);
      await op.signalRaw(holder, 'garbage', 'binary/unheard-of');
      await op.idle(holder);
      await on.vote(review, u1);
      await op.signal(holder, { review_id: review.id, fact: { ...fact, seq: 9 }, status: told });
      await on.vote(review, u2);
      return await on.ended(run);
    },
  },
  {
    name: 'run-reset-after-first-vote',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      const before = await holderOf(on, run, 'extract');
      await on.vote(await on.reviewOf(run, 'extract'), u1);
      await op.idle(before);
      await op.reset(run.id, 'first');
      await until('a new holder', async () => (await holderOf(on, run, 'extract')) !== before);
      await on.vote(await on.reviewOf(run, 'extract'), u2);
      return await on.ended(run);
    },
  },
  {
    name: 'gate-reset-after-first-vote',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      const holder = await holderOf(on, run, 'extract');
      await on.vote(await on.reviewOf(run, 'extract'), u1);
      await op.idle(holder);
      await op.reset(holder, 'latest');
      await on.vote(await on.reviewOf(run, 'extract'), u2);
      return await on.ended(run);
    },
  },
  {
    name: 'gate-terminated-then-doctor',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([extract, passing('book', 'extract')], inputs);
      await op.terminate(await holderOf(on, run, 'extract'));
      await until('the run to be gone', async () => (await op.status(run.id)) !== 'RUNNING');
      await voteBoth(on, run, 'extract');
      for (const { runId, remedy } of await diagnose(on.database.db, on.temporal, 0)) {
        if (runId === run.id && remedy !== null) {
          await repair(on.database.db, on.temporal, remedy);
        }
      }
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-waiting',
    isOpen: true,
    play: async (on, op) => {
      const run = await on.run([iterating(), passing('book', 'each')], { each: items });
      await voteBoth(on, run, 'check', '0');
      await until('an iteration to end', async () => {
        const { status } = await on.step(run, 'keep', '0');
        return status === 'completed';
      });
      const holder = await holderOf(on, run, 'check', '1');
      await on.vote(await on.reviewOf(run, 'check', '1'), u1, { reason: CANARY });
      await op.idle(holder);
      await op.idle((await on.step(run, 'each')).holder ?? '');
      return run;
    },
  },
  {
    name: 'for-each',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([iterating(), passing('book', 'each')], { each: items });
      await voteBoth(on, run, 'check', '1');
      await voteBoth(on, run, 'check', '0');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-ready-together',
    isOpen: false,
    play: async (on) => {
      const body = [
        block('start'),
        passing('notes', 'start'),
        block('first', { needs: ['notes', 'start'], review: twoOfFinance }),
        block('second', { needs: ['notes'], review: twoOfFinance }),
      ];
      const run = await on.run([forEach('each', body), passing('book', 'each')], {
        each: items.slice(0, 1),
      });
      await voteBoth(on, run, 'second', '0');
      await voteBoth(on, run, 'first', '0');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-over-approved-partitions',
    isOpen: false,
    play: async (on) => {
      const gated = { map_method: 'split_by_key', key: 'vendor', review: twoOfFinance };
      const run = await on.run([forEach('each', [block('keep')], gated), passing('book', 'each')], {
        each: partitions,
      });
      await voteBoth(on, run, 'each');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-nested',
    isOpen: false,
    play: async (on) => {
      const inner = forEach('inner', [block('check', { review: twoOfFinance })], {
        executor: { kind: 'pass' },
      });
      const run = await on.run([forEach('each', [inner])], {
        each: [{ documents: items }, { documents: [] }],
      });
      await voteBoth(on, run, 'check', '0.1');
      await voteBoth(on, run, 'check', '0.0');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-without-items',
    isOpen: false,
    play: async (on) => await on.ended(await on.run([iterating()], { each: [] })),
  },
  {
    name: 'for-each-dropped',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([iterating({ on_reject: 'drop' })], { each: items });
      const review = await on.reviewOf(run, 'check', '0');
      await on.vote(review, u1, { verdict: 'rejected', reason: CANARY });
      await voteBoth(on, run, 'check', '1');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-continued',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([iterating({ on_reject: 'continue' })], { each: items });
      const review = await on.reviewOf(run, 'check', '0');
      await on.vote(review, u1, { verdict: 'rejected', reason: CANARY });
      await voteBoth(on, run, 'check', '1');
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-rejected',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([iterating()], { each: items });
      await on.reviewOf(run, 'check', '1');
      const review = await on.reviewOf(run, 'check', '0');
      await on.vote(review, u1, { verdict: 'rejected', reason: CANARY });
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-failed',
    isOpen: false,
    play: async (on) => {
      const failing = { kind: 'function', name: 'fail' } as const;
      const execution = { repeatable: true, attempts: 1, timeout: '30s' };
      const fetch = block('fetch', { executor: failing, execution });
      return await on.ended(await on.run([forEach('each', [fetch])], { each: items }));
    },
  },
  {
    name: 'for-each-cancelled-while-waiting',
    isOpen: false,
    play: async (on) => {
      const run = await on.run([iterating()], { each: items });
      await on.reviewOf(run, 'check', '0');
      await on.reviewOf(run, 'check', '1');
      await cancelRun(on.database.db, u1, run.id, { reason: CANARY, dialect: 'native' }, 0);
      return await on.ended(run);
    },
  },
  {
    name: 'for-each-reset-after-first-iteration',
    isOpen: false,
    play: async (on, op) => {
      const run = await on.run([iterating()], { each: items });
      await voteBoth(on, run, 'check', '0');
      const before = await holderOf(on, run, 'check', '1');
      await until('an iteration to end', async () => {
        const { status } = await on.step(run, 'keep', '0');
        return status === 'completed';
      });
      await op.reset(run.id, 'first');
      await until('a new holder', async () => (await holderOf(on, run, 'check', '1')) !== before);
      await voteBoth(on, run, 'check', '1');
      return await on.ended(run);
    },
  },
  {
    name: 'rejected-and-continued',
    isOpen: false,
    play: async (on) => {
      const continuing = block('extract', { review: gate({ ...prose, on_reject: 'continue' }) });
      const run = await on.run([continuing, passing('book', 'extract')], inputs);
      const review = await on.reviewOf(run, 'extract');
      await on.vote(review, u1, { verdict: 'rejected', reason: CANARY });
      return await on.ended(run);
    },
  },
];
