import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { listFacts } from '../../src/store/reviews.js';
import type { Block } from '../../src/domain/definition.js';
import type { JsonObject } from '../../src/domain/json.js';
import { STEP_ENDED } from '../../src/domain/messages.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';

/** What a forger sends; `holder` is the gate's workflow, `seq` a real fact's number or the next one. */
type Forgery = {
  readonly name: string;
  readonly send: (op: Operator, holder: string, review: ReviewRow) => Promise<void>;
};

function vote(review: ReviewRow, about: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    kind: 'vote',
    seq: 1,
    id: 'fct_FORGED',
    reviewerId: 'u_forger',
    versionId: review.newestVersionId,
    verdict: 'approved',
    fills: ['group:finance#1', 'group:finance#2'],
    forced: false,
    actingFor: null,
    ...about,
  };
}

/** How long a gate may take to live through a flood, on a machine that is busy with other things. */
const FLOOD_MS = 240_000;

const pending = { status: 'PENDING', versionId: null };

const FORGERIES: readonly Forgery[] = [
  {
    name: 'a terminal status with a vote',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review),
        status: { status: 'APPROVED', versionId: review.newestVersionId },
      }),
  },
  {
    name: 'a vote that takes the seq of a real one and settles nothing',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review, { fills: ['group:nobody#1'] }),
        status: pending,
      }),
  },
  {
    name: 'a vote that its own fold would take for the last one',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review, { forced: true }),
        status: pending,
      }),
  },
  {
    name: 'a forged rejection',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review, { verdict: 'rejected' }),
        status: { status: 'REJECTED', versionId: null },
      }),
  },
  {
    name: 'a cancellation that never was',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: { kind: 'cancelled', seq: 1, id: 'fct_X', actorId: 'u_forger' },
        status: { status: 'REVOKED', versionId: null },
      }),
  },
  {
    name: 'a vote far ahead, behind which everything would wait',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review, { seq: 4711 }),
        status: pending,
      }),
  },
  {
    name: 'seq NaN',
    send: (op, holder, review) =>
      op.signal(holder, {
        review_id: review.id,
        fact: vote(review, { seq: Number.NaN }),
        status: pending,
      }),
  },
  { name: 'null', send: (op, holder) => op.signal(holder, null) },
  { name: 'no fact', send: (op, holder, review) => op.signal(holder, { review_id: review.id }) },
  { name: 'text that is no JSON', send: (op, holder) => op.signalRaw(holder, '{"review_id":') },
  {
    name: 'an encoding nobody knows',
    send: (op, holder) => op.signalRaw(holder, 'garbage', 'binary/unheard-of'),
  },
  {
    name: 'another signal name',
    send: (op, holder) => op.client.workflow.getHandle(holder).signal('nonsense', 1),
  },
];

describe('forged signals', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation();
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function parked(): Promise<{ run: RunRow; review: ReviewRow; holder: string }> {
    const run = await on.run(
      [
        block('extract', { review: gate({ groups: [{ group: 'finance', required: 2 }] }) }),
        passing('book', 'extract'),
      ],
      { extract: { total: 5 } },
    );
    const review = await on.reviewOf(run, 'extract');
    const { holder } = await on.step(run, 'extract');
    return { run, review, holder: holder ?? '' };
  }

  test.each(FORGERIES)(
    '$name neither opens a gate nor blocks the real decision',
    async ({ send }) => {
      const { run, review, holder } = await parked();
      await send(op, holder, review);
      await op.idle(holder);
      expect(await on.step(run, 'book')).toMatchObject({ status: 'pending', output: null });
      expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'PENDING', rev: 0 });
      expect(await listFacts(on.database.db, review.id)).toHaveLength(0);

      await on.vote(review, reviewer('u1', 'finance'));
      await send(op, holder, review);
      await on.vote(review, reviewer('u2', 'finance'));
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(await on.reviewOf(run, 'extract')).toMatchObject({ status: 'EXECUTED', seq: 2 });
    },
  );

  test('a forgery sent with the last real vote does not hide it', async () => {
    const { run, review, holder } = await parked();
    await on.vote(review, reviewer('u1', 'finance'));
    await Promise.all([
      ...FORGERIES.map(({ send }) => send(op, holder, review)),
      on.vote(review, reviewer('u2', 'finance')),
    ]);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });

  test(
    'a flood of forged signals makes a gate start afresh, and it still hears the real votes',
    async () => {
      const { run, review, holder } = await parked();
      await on.vote(review, reviewer('u1', 'finance'));
      const { runId } = await op.client.workflow.getHandle(holder).describe();
      let left = 4_200;
      const flood = async (): Promise<void> => {
        while (left > 0) {
          left -= 1;
          await op.signal(holder, null);
        }
      };
      await Promise.all(Array.from({ length: 40 }, flood));
      // Temporal takes workflow tasks back while it floods, and gives up on a lost one after ten seconds only.
      await until(
        'the gate to have continued as new',
        async () => {
          const now = await op.client.workflow.getHandle(holder).describe();
          return now.runId !== runId && now.status.name === 'RUNNING';
        },
        FLOOD_MS,
      );
      await on.vote(review, reviewer('u2', 'finance'));
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    },
    2 * FLOOD_MS,
  );

  test('signals to the run itself change nothing', async () => {
    const { run, review } = await parked();
    await Promise.all(FORGERIES.map(({ send }) => send(op, run.id, review)));
    await on.vote(review, reviewer('u1', 'finance'));
    await on.vote(review, reviewer('u2', 'finance'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    await until(
      'the workflow to have completed',
      async () => (await op.status(run.id)) === 'COMPLETED',
    );
  });
});

describe('a forged word that a step was released', () => {
  let on: Installation;
  let op: Operator;
  const executed: string[] = [];

  beforeAll(async () => {
    on = await startInstallation({
      act: ({ input }, { stepId }) => {
        executed.push(stepId);
        return input;
      },
    });
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  const finance = { groups: [{ group: 'finance', required: 2 }] };
  const guarded = block('extract', { review: gate(finance) });
  const acting = (about: Partial<Block> = {}): Block =>
    block('act', {
      executor: { kind: 'function', name: 'act' },
      execution: { repeatable: false, attempts: 1, timeout: '30s' },
      ...about,
    });

  async function tell(
    holder: string,
    review: ReviewRow,
    status: 'EXECUTED' | 'PROCESSING' | 'UNKNOWN',
  ): Promise<void> {
    await op.signal(holder, {
      review_id: review.id,
      fact: vote(review),
      status: { status, versionId: review.newestVersionId },
    });
  }

  async function hint(run: RunRow, payload: unknown): Promise<void> {
    await op.client.workflow.getHandle(run.id).signal(STEP_ENDED, payload);
    await op.idle(run.id);
  }

  const holderOf = async (run: RunRow, ...at: readonly [string, string?]): Promise<string> =>
    (await on.step(run, ...at)).holder ?? '';

  /** What is behind the gate has not begun, and nobody has decided anything. */
  async function expectClosed(run: RunRow, ...at: readonly [string, string?]): Promise<void> {
    expect(await on.reviewOf(run, ...at)).toMatchObject({ status: 'PENDING', rev: 0 });
    expect(await on.step(run, ...at)).toMatchObject({ status: 'awaiting_review' });
    expect(executed.filter((id) => id.startsWith(run.id))).toEqual([]);
  }

  const PLACES: readonly {
    readonly name: string;
    readonly blocks: readonly Block[];
    readonly inputs: JsonObject;
    readonly at: readonly [string, string?];
    readonly executes: readonly string[];
  }[] = [
    {
      name: 'before the next block',
      blocks: [guarded, acting({ needs: ['extract'] })],
      inputs: { extract: { total: 5 }, act: {} },
      at: ['extract'],
      executes: ['act'],
    },
    {
      name: 'in the last block of a run',
      blocks: [guarded],
      inputs: { extract: { total: 5 } },
      at: ['extract'],
      executes: [],
    },
    {
      name: 'in an iteration',
      blocks: [forEach('each', [guarded, acting({ needs: ['extract'] })])],
      inputs: { each: [{ total: 5 }] },
      at: ['extract', '0'],
      executes: ['act@0'],
    },
    {
      name: 'in the last block of an iteration',
      blocks: [forEach('each', [guarded])],
      inputs: { each: [{ total: 5 }] },
      at: ['extract', '0'],
      executes: [],
    },
    {
      name: 'for the items of a for_each',
      blocks: [
        forEach('each', [acting()], {
          review: gate(finance),
          map_method: 'split_by_key',
          key: 'vendor',
        }),
      ],
      inputs: { each: { partitions: [{ key: 'a', pages: [1] }] } },
      at: ['each'],
      executes: ['act@0'],
    },
  ];

  test.each(PLACES)(
    '$name ends a gate early and opens nothing: it runs again, and believes only the store',
    async ({ blocks, inputs, at, executes }) => {
      const run = await on.run(blocks, inputs);
      const review = await on.reviewOf(run, ...at);
      const first = await holderOf(run, ...at);
      await op.idle(first);
      await tell(first, review, 'EXECUTED');
      await until('the gate to have ended', async () => (await op.status(first)) === 'COMPLETED');
      const second = await until('another gate', async () => {
        const holder = await holderOf(run, ...at);
        return holder === first ? null : holder;
      });
      await expectClosed(run, ...at);
      await op.idle(second);
      await tell(second, review, 'EXECUTED');
      await op.idle(second);
      expect(await op.status(second)).toBe('RUNNING');
      expect(await holderOf(run, ...at)).toBe(second);
      await expectClosed(run, ...at);

      await on.vote(review, reviewer('u1', 'finance'));
      await on.vote(review, reviewer('u2', 'finance'));
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(executed.filter((id) => id.startsWith(run.id))).toEqual(
        executes.map((id) => `${run.id}_${id}`),
      );
      await until('the workflow to end', async () => (await op.status(run.id)) === 'COMPLETED');
    },
  );

  test.each(['EXECUTED', 'PROCESSING', 'UNKNOWN'] as const)(
    'for an input (%s) is not believed at all',
    async (status) => {
      const run = await on.run(
        [acting({ review: gate({ ...finance, placement: 'input', corrections: 'none' }) })],
        { act: { total: 5 } },
      );
      const review = await on.reviewOf(run, 'act');
      const holder = await holderOf(run, 'act');
      await op.idle(holder);
      await tell(holder, review, status);
      await op.idle(holder);
      expect(await op.status(holder)).toBe('RUNNING');
      await expectClosed(run, 'act');
      await on.vote(review, reviewer('u1', 'finance'));
      await on.vote(review, reviewer('u2', 'finance'));
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(executed).toContain(stepIdOf(run.id, 'act'));
    },
  );

  /** How often the run has asked to begin a block without a gate. */
  async function begunBy(run: RunRow): Promise<number> {
    return (await op.history(run.id)).filter(
      ({ activityTaskScheduledEventAttributes: asked }) => asked?.activityType?.name === 'runStep',
    ).length;
  }

  test('told to the run comes to nothing but a refusal, and after a few only the gate counts', async () => {
    const run = await on.run([guarded, acting({ needs: ['extract'] })], {
      extract: { total: 5 },
      act: {},
    });
    const review = await on.reviewOf(run, 'extract');
    const holder = await holderOf(run, 'extract');
    await op.idle(holder);
    const { stepId } = review;
    for (const garbage of [null, 'extract', {}, { step_id: 5 }, { step_id: `${stepId}@0` }]) {
      await hint(run, garbage);
    }
    expect(await begunBy(run)).toBe(0);
    for (const tries of [1, 2, 3, 4, 4, 4]) {
      await hint(run, { step_id: stepId });
      await until('the run to have tried', async () => (await begunBy(run)) >= tries);
      await op.idle(run.id);
      expect(await begunBy(run)).toBe(tries);
      await expectClosed(run, 'extract');
    }
    expect(await holderOf(run, 'extract')).toBe(holder);

    await on.vote(review, reviewer('u1', 'finance'));
    await on.vote(review, reviewer('u2', 'finance'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(executed.filter((id) => id.startsWith(run.id))).toEqual([stepIdOf(run.id, 'act')]);
  });
});
