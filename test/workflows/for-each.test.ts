import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { isJsonObject, type JsonObject } from '../../src/domain/json.js';
import type { ReviewRow, RunRow, StepRow } from '../../src/store/tables.js';
import {
  block,
  forEach,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { until } from '../support/until.js';
import { recordVote } from '../support/voters.js';

const u1 = reviewer('u1');

describe('for_each', () => {
  let on: Installation;
  const calls: { readonly stepId: string; readonly given: unknown }[] = [];
  let release: () => void = () => {};
  let held: Promise<void> = Promise.resolve();

  beforeAll(async () => {
    on = await startInstallation({
      note: (given, { stepId }) => {
        calls.push({ stepId, given });
        return { seen: given.input };
      },
      fail_on_two: ({ input }) => {
        if (isJsonObject(input) && input['n'] === 2) {
          throw new Error('two is too many');
        }
        return input;
      },
      hold: async (given, { stepId }) => {
        calls.push({ stepId, given });
        await held;
        return { partitions: [1] };
      },
      big: () => 'x'.repeat(1024 * 1024),
    });
  });
  afterAll(() => on.stop());

  async function outcome(run: RunRow, blockId = 'each'): Promise<unknown> {
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    const { collected } = await on.step(run, blockId);
    return JSON.parse(collected ?? 'null');
  }

  async function stepsOf(run: RunRow): Promise<readonly StepRow[]> {
    return await on.database.db
      .selectFrom('step')
      .selectAll()
      .where('runId', '=', run.id)
      .orderBy('id')
      .execute();
  }

  async function correct(review: ReviewRow, snapshot: JsonObject): Promise<string> {
    const added = await addVersion(on.database.db, u1, review.id, {
      parentId: review.newestVersionId,
      snapshot,
      note: null,
      origin: 'human_edit',
      acknowledgedVersionIds: [],
    });
    if (added.kind !== 'created') {
      throw new Error(`the correction was ${added.kind}`);
    }
    return added.version.id;
  }

  function begun(run: RunRow): readonly string[] {
    return calls.map(({ stepId }) => stepId).filter((id) => id.startsWith(run.id));
  }

  test('runs its body for each item, and hands on what the iterations gave in their order', async () => {
    const note = block('note', { executor: { kind: 'function', name: 'note' } });
    const run = await on.run([forEach('each', [note]), passing('after', 'each')], {
      each: ['a', null, { b: 1e-7 }],
    });
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    const text =
      '{"iterations":[{"item":"a","iteration_key":"0","output":{"seen":"a"}},{"item":null,"iteration_key":"1","output":{"seen":null}},{"item":{"b":1e-7},"iteration_key":"2","output":{"seen":{"b":1e-7}}}]}';
    expect(await on.step(run, 'each')).toMatchObject({ status: 'completed', collected: text });
    expect(await on.step(run, 'after')).toMatchObject({ output: text });
    expect(await on.step(run, 'note', '1')).toMatchObject({
      id: `${run.id}_note@1`,
      parentStepId: `${run.id}_each`,
      iterationKey: '1',
      status: 'completed',
    });
  });

  test('a body block is given its item, its siblings of the same iteration, and what its for_each needs', async () => {
    const run = await on.run(
      [
        block('rates'),
        forEach(
          'each',
          [
            block('first'),
            block('second', {
              executor: { kind: 'function', name: 'note' },
              needs: ['first', 'rates'],
            }),
          ],
          { needs: ['rates'] },
        ),
      ],
      { rates: { eur: 1 }, each: [10, 20] },
    );
    await on.ended(run);
    expect(calls.filter(({ stepId }) => stepId === stepIdOf(run.id, 'second', '1'))).toEqual([
      {
        stepId: stepIdOf(run.id, 'second', '1'),
        given: { input: 20, blocks: { first: 20, rates: { eur: 1 } } },
      },
    ]);
  });

  test('a body with several last blocks gives an object of their outputs', async () => {
    const run = await on.run(
      [forEach('each', [block('z'), block('a'), passing('m', 'a'), block('b', { needs: [] })])],
      { each: [1] },
    );
    expect(await outcome(run)).toEqual({
      iterations: [{ item: 1, iteration_key: '0', output: { b: 1, m: 1, z: 1 } }],
    });
  });

  test('takes what a split gives, through pass', async () => {
    const documents = [
      { name: 'a', pages: [1] },
      { name: 'b', pages: [2, 3] },
    ];
    const run = await on.run(
      [
        block('split', { type: 'split' }),
        forEach('each', [block('keep')], { executor: { kind: 'pass' }, needs: ['split'] }),
      ],
      { split: { documents } },
    );
    expect(await outcome(run)).toMatchObject({
      iterations: [{ output: documents[0] }, { output: documents[1] }],
    });
  });

  test.each([[[]], [{ partitions: [] }]])('no items at all (%j) is fine', async (items) => {
    const run = await on.run([forEach('each', [block('one')]), passing('after', 'each')], {
      each: items,
    });
    await on.ended(run);
    expect(await on.step(run, 'after')).toMatchObject({ output: '{"iterations":[]}' });
  });

  test.each([
    [
      Array.from({ length: 2_001 }, (_, index) => index),
      "Block 'each' was given 2001 items, and a for_each takes 2000 at most: divide them over several runs.",
    ],
    [
      { items: [1] },
      "Block 'each' is a for_each and was given no items: its output must be a list, or an object with a list 'partitions' or 'documents'.",
    ],
  ])('what is not at most 2,000 items fails the step', async (items, message) => {
    const once = { repeatable: true, attempts: 1, timeout: '30s' };
    const run = await on.run([forEach('each', [block('one')], { execution: once })], {
      each: items,
    });
    expect(await on.ended(run)).toMatchObject({
      status: 'error',
      errorMessage: message,
      failingStepId: stepIdOf(run.id, 'each'),
    });
    expect(await stepsOf(run)).toHaveLength(1);
  });

  test('what the iterations give may take 8 MiB together, and no more', async () => {
    const big = block('big', { executor: { kind: 'function', name: 'big' } });
    const run = await on.run([forEach('each', [big])], { each: [1, 2, 3, 4, 5, 6, 7, 8] });
    expect(await on.ended(run)).toMatchObject({
      status: 'error',
      failingStepId: stepIdOf(run.id, 'each'),
      errorMessage:
        "The iterations of block 'each' gave more than 8388608 bytes together: let its body answer less, or divide the items over several runs.",
    });
  });

  test('every iteration has a gate of its own, and what was approved in it is what it gives', async () => {
    const check = block('check', { review: gate() });
    const run = await on.run([forEach('each', [check, passing('keep', 'check')])], {
      each: [{ n: 1 }, { n: 2 }, { n: 3 }],
    });
    const [zero, one, two] = await Promise.all(
      ['0', '1', '2'].map((key) => on.reviewOf(run, 'check', key)),
    );
    expect(zero).toMatchObject({
      iterationKey: '0',
      parentStepId: stepIdOf(run.id, 'each'),
      stepId: stepIdOf(run.id, 'check', '0'),
    });
    await on.vote(two ?? expect.fail(), u1);
    const corrected = await correct(one ?? expect.fail(), { n: 2.5, why: 'é' });
    await on.vote(one ?? expect.fail(), u1, { versionId: corrected });
    await on.vote(zero ?? expect.fail(), u1);
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'each')).toMatchObject({
      collected:
        '{"iterations":[{"item":{"n":1},"iteration_key":"0","output":{"n":1}},{"item":{"n":2},"iteration_key":"1","output":{"n":2.5,"why":"é"}},{"item":{"n":3},"iteration_key":"2","output":{"n":3}}]}',
    });
  });

  test('for_eaches nest, with gates in both', async () => {
    const inner = forEach('inner', [block('leaf', { review: gate() })], {
      executor: { kind: 'function', name: 'note' },
      needs: ['check'],
    });
    const items = block('items', { executor: { kind: 'pass' }, needs: ['check'] });
    const innerOverItems = { ...inner, executor: { kind: 'pass' } as const, needs: ['items'] };
    const run = await on.run(
      [forEach('outer', [block('check', { review: gate() }), items, innerOverItems])],
      { outer: [{ documents: [{ n: 1 }, { n: 2 }] }, { documents: [{ n: 3 }] }] },
    );
    await on.vote(await on.reviewOf(run, 'check', '1'), u1);
    await on.vote(await on.reviewOf(run, 'leaf', '1.0'), u1);
    await on.vote(await on.reviewOf(run, 'check', '0'), u1);
    await on.vote(await on.reviewOf(run, 'leaf', '0.1'), u1);
    await on.vote(await on.reviewOf(run, 'leaf', '0.0'), u1);
    expect(await outcome(run, 'outer')).toMatchObject({
      iterations: [
        {
          iteration_key: '0',
          output: {
            iterations: [
              { iteration_key: '0.0', output: { n: 1 } },
              { iteration_key: '0.1', output: { n: 2 } },
            ],
          },
        },
        { iteration_key: '1', output: { iterations: [{ iteration_key: '1.0', item: { n: 3 } }] } },
      ],
    });
    expect(await on.step(run, 'leaf', '0.1')).toMatchObject({
      id: `${run.id}_leaf@0.1`,
      parentStepId: `${run.id}_inner@0`,
    });
  });

  describe('with a gate of its own', () => {
    const partitions = { map_method: 'split_by_key', key: 'vendor', review: gate() };

    test('iterates over the partitions that were approved, corrections included, and not before', async () => {
      const note = block('note', { executor: { kind: 'function', name: 'note' } });
      const run = await on.run([forEach('each', [note], partitions), passing('after', 'each')], {
        each: { partitions: [{ key: 'a', pages: [1, 2] }] },
      });
      const review = await on.reviewOf(run, 'each');
      expect(await stepsOf(run)).toHaveLength(2);
      const corrected = await correct(review, {
        partitions: [
          { key: 'a', pages: [1] },
          { key: 'b', pages: [2] },
        ],
      });
      expect(begun(run)).toEqual([]);
      await on.vote(review, u1, { versionId: corrected });
      expect(await outcome(run)).toMatchObject({
        iterations: [{ item: { key: 'a', pages: [1] } }, { item: { key: 'b', pages: [2] } }],
      });
      expect(begun(run)).toHaveLength(2);
      expect(await on.reviewOf(run, 'each')).toMatchObject({ status: 'EXECUTED' });
    });

    test('a correction to more than 2,000 partitions fails the step once it is approved', async () => {
      const run = await on.run([forEach('each', [block('one')], partitions)], {
        each: { partitions: [{ key: 'a', pages: [1] }] },
      });
      const review = await on.reviewOf(run, 'each');
      const many = Array.from({ length: 2_001 }, (_, n) => ({ key: `k${n}`, pages: [n + 1] }));
      const corrected = await correct(review, { partitions: many });
      await on.vote(review, u1, { versionId: corrected });
      expect(await on.ended(run)).toMatchObject({
        status: 'error',
        failingStepId: stepIdOf(run.id, 'each'),
      });
    });

    test('whose predicate does not fire iterates at once', async () => {
      const never = gate({ predicate: { kind: 'split_count_neq', expected: 1 } });
      const run = await on.run(
        [forEach('each', [block('one')], { ...partitions, review: never })],
        {
          each: { partitions: [{ key: 'a', pages: [1] }] },
        },
      );
      expect(await outcome(run)).toMatchObject({ iterations: [{ iteration_key: '0' }] });
    });

    test('on its input is approved before it gives its items', async () => {
      const review = gate({ placement: 'input', corrections: 'entries' });
      const run = await on.run([forEach('each', [block('one')], { review })], {
        each: { documents: [1, 2] },
      });
      const opened = await on.reviewOf(run, 'each');
      const corrected = await correct(opened, { documents: [7] });
      await on.vote(opened, u1, { versionId: corrected });
      expect(await outcome(run)).toEqual({
        iterations: [{ item: 7, iteration_key: '0', output: 7 }],
      });
    });

    test('that is rejected with continue gives null, and no iteration runs', async () => {
      const review = gate({ on_reject: 'continue' });
      const run = await on.run(
        [forEach('each', [block('one')], { ...partitions, review }), passing('after', 'each')],
        { each: { partitions: [{ key: 'a', pages: [1] }] } },
      );
      await on.vote(await on.reviewOf(run, 'each'), u1, { verdict: 'rejected', reason: 'no' });
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(await on.step(run, 'each')).toMatchObject({ status: 'skipped', collected: null });
      expect(await on.step(run, 'after')).toMatchObject({ status: 'completed', output: 'null' });
      expect(await stepsOf(run)).toHaveLength(2);
    });
  });

  test('a failure in one iteration ends the run, names its step, and leaves open what waits', async () => {
    const fail = block('fail', {
      executor: { kind: 'function', name: 'fail_on_two' },
      execution: { repeatable: true, attempts: 1, timeout: '30s' },
    });
    const wait = block('wait', { needs: [], review: gate() });
    const run = await on.run([forEach('each', [fail, wait])], { each: [{ n: 1 }, { n: 2 }] });
    expect(await on.ended(run)).toMatchObject({
      status: 'error',
      errorMessage: 'two is too many',
      failingStepId: stepIdOf(run.id, 'fail', '1'),
    });
    for (const key of ['0', '1']) {
      const { status } = await on.step(run, 'wait', key);
      expect(['pending', 'awaiting_review']).toContain(status);
    }
  });

  test('a rejection in one iteration cancels the run, and nothing more begins', async () => {
    const run = await on.run(
      [forEach('each', [block('check', { review: gate() }), passing('keep', 'check')])],
      { each: [{ n: 1 }, { n: 2 }] },
    );
    await on.reviewOf(run, 'check', '0');
    const review = await on.reviewOf(run, 'check', '1');
    await on.vote(review, u1, { verdict: 'rejected', reason: 'wrong vendor' });
    expect(await on.ended(run)).toMatchObject({
      status: 'cancelled',
      cancelReason: 'wrong vendor',
    });
    expect(await on.reviewOf(run, 'check', '0')).toMatchObject({ status: 'REVOKED' });
    const ends = (await stepsOf(run)).map(({ status }) => status);
    expect(new Set(ends)).toEqual(new Set(['cancelled']));
  });

  test('a run that is cancelled while it iterates ends with all its steps and reviews', async () => {
    const run = await on.run([forEach('each', [block('check', { review: gate() })])], {
      each: [{ n: 1 }, { n: 2 }],
    });
    await on.reviewOf(run, 'check', '0');
    const review = await on.reviewOf(run, 'check', '1');
    const about = { reason: 'no longer needed', dialect: 'native' as const };
    await cancelRun(on.database.db, u1, run.id, about, 0);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(await on.vote(review, u1)).toMatchObject({ kind: 'refused' });
    expect((await stepsOf(run)).every(({ status }) => status === 'cancelled')).toBe(true);
  });

  describe('a rejection that drops', () => {
    const dropping = gate({ on_reject: 'drop' });

    test('leaves its iteration out, and the run goes on', async () => {
      const run = await on.run(
        [
          forEach('each', [block('check', { review: dropping }), passing('keep', 'check')]),
          passing('after', 'each'),
        ],
        { each: [{ n: 1 }, { n: 2 }, { n: 3 }] },
      );
      const review = await on.reviewOf(run, 'check', '1');
      await on.vote(review, u1, { verdict: 'rejected', reason: 'not ours' });
      await on.vote(await on.reviewOf(run, 'check', '0'), u1);
      await on.vote(await on.reviewOf(run, 'check', '2'), u1);
      expect(await outcome(run)).toEqual({
        iterations: [
          { item: { n: 1 }, iteration_key: '0', output: { n: 1 } },
          { item: { n: 3 }, iteration_key: '2', output: { n: 3 } },
        ],
      });
      expect(await on.step(run, 'check', '1')).toMatchObject({
        status: 'skipped',
        reason: 'rejected by Name of u1: not ours',
      });
      expect(await on.step(run, 'keep', '1')).toMatchObject({
        status: 'skipped',
        reason: "iteration 1 was dropped: block 'check' was rejected by Name of u1: not ours",
      });
      expect(await on.reviewOf(run, 'check', '1')).toMatchObject({ status: 'REJECTED' });
      const after = await on.step(run, 'after');
      expect(after.output).not.toContain('"n":2');
    });

    test('closes what waits beside it, also in a for_each inside of it, and starts nothing more', async () => {
      const inner = forEach('inner', [block('leaf', { review: gate() })], {
        executor: { kind: 'pass' },
        needs: [],
      });
      const run = await on.run(
        [
          forEach('each', [
            block('check', { review: dropping }),
            block('beside', { needs: [], review: gate() }),
            block('later', {
              needs: ['beside'],
              executor: { kind: 'function', name: 'note' },
            }),
            inner,
          ]),
        ],
        { each: [{ documents: [{ n: 1 }, { n: 2 }] }] },
      );
      const beside = await on.reviewOf(run, 'beside', '0');
      const leaf = await on.reviewOf(run, 'leaf', '0.1');
      await on.vote(await on.reviewOf(run, 'check', '0'), u1, { verdict: 'rejected' });
      expect(await outcome(run)).toEqual({ iterations: [] });
      expect(await on.reviewOf(run, 'beside', '0')).toMatchObject({ status: 'REVOKED' });
      expect(await on.reviewOf(run, 'leaf', '0.1')).toMatchObject({ status: 'REVOKED' });
      expect(await on.vote(beside, u1)).toMatchObject({
        kind: 'refused',
        refusals: [{ code: 'REVIEW_CANCELLED' }],
      });
      expect(await on.vote(leaf, u1)).toMatchObject({ kind: 'refused' });
      const inside = (await stepsOf(run)).filter(({ iterationKey }) => iterationKey !== null);
      expect(inside.map(({ status }) => status)).toEqual(inside.map(() => 'skipped'));
      expect(begun(run)).toEqual([]);
    });

    test('lets what is being executed come to its end, and begins nothing behind it', async () => {
      held = new Promise((resolve) => {
        release = resolve;
      });
      const hold = { executor: { kind: 'function', name: 'hold' }, needs: [] } as const;
      const run = await on.run(
        [
          forEach('each', [
            block('check', { review: dropping }),
            block('hold', hold),
            block('next', { needs: ['hold'], executor: { kind: 'function', name: 'note' } }),
            // What they answer opens no review, and no iteration, any more.
            block('gated', { ...hold, review: gate() }),
            forEach('loop', [block('leaf')], hold),
          ]),
        ],
        { each: [{ n: 1 }] },
      );
      const executed = ['gated', 'hold', 'loop'].map((id) => stepIdOf(run.id, id, '0'));
      await until('the blocks to be executed', () => begun(run).length === executed.length);
      await on.vote(await on.reviewOf(run, 'check', '0'), u1, { verdict: 'rejected' });
      await until('the drop', async () => (await on.step(run, 'next', '0')).status === 'skipped');
      expect(await on.step(run, 'hold', '0')).toMatchObject({ status: 'running' });
      release();
      expect(await outcome(run)).toEqual({ iterations: [] });
      expect(await on.step(run, 'hold', '0')).toMatchObject({ status: 'completed' });
      expect(await on.step(run, 'gated', '0')).toMatchObject({ status: 'skipped' });
      expect(await on.step(run, 'loop', '0')).toMatchObject({ status: 'skipped' });
      expect(await stepsOf(run)).toHaveLength(6);
      expect(begun(run).toSorted()).toEqual(executed);
    });

    test('of a whole for_each inside an iteration drops that iteration', async () => {
      const partitions = { map_method: 'split_by_key', key: 'k', review: dropping };
      const inner = forEach('inner', [block('leaf')], {
        ...partitions,
        executor: { kind: 'pass' },
        needs: [],
      });
      const items = [1, 2].map((n) => ({ partitions: [{ key: `k${n}`, pages: [n] }] }));
      const run = await on.run([forEach('each', [inner])], { each: items });
      await on.vote(await on.reviewOf(run, 'inner', '0'), u1, { verdict: 'rejected' });
      await on.vote(await on.reviewOf(run, 'inner', '1'), u1);
      expect(await outcome(run)).toMatchObject({
        iterations: [{ iteration_key: '1', output: { iterations: [{ iteration_key: '1.0' }] } }],
      });
    });

    test('a withdrawal before the release drops as well', async () => {
      const late = gate({ on_reject: 'drop', release: { after: '1h' } });
      const run = await on.run([forEach('each', [block('check', { review: late })])], {
        each: [{ n: 1 }],
      });
      const review = await on.reviewOf(run, 'check', '0');
      const admin = { ...u1, roles: ['reviewer' as const, 'admin' as const] };
      expect(await on.vote(review, admin)).toMatchObject({ kind: 'recorded', settled: true });
      const command = { kind: 'withdraw', verdict: 'revoked' } as const;
      const withdrawal = { command, reason: 'too early', dialect: 'native' as const };
      expect(await recordVote(on.database.db, admin, review.id, withdrawal, 0)).toMatchObject({
        kind: 'recorded',
      });
      expect(await outcome(run)).toEqual({ iterations: [] });
      expect(await on.step(run, 'check', '0')).toMatchObject({
        status: 'skipped',
        reason: 'revoked by Name of u1: too early',
      });
    });
  });

  describe('a rejection that continues', () => {
    const continuing = gate({ on_reject: 'continue' });

    test('gives null to what needs it, and nothing of the rejected version flows on', async () => {
      const run = await on.run(
        [
          block('extract', { review: continuing }),
          block('book', { executor: { kind: 'function', name: 'note' }, needs: ['extract'] }),
        ],
        { extract: { total: 5 } },
      );
      await on.vote(await on.reviewOf(run, 'extract'), u1, { verdict: 'rejected', reason: 'no' });
      expect(await on.ended(run)).toMatchObject({ status: 'completed', cancelReason: null });
      expect(await on.step(run, 'extract')).toMatchObject({
        status: 'skipped',
        reason: 'rejected by Name of u1: no',
      });
      expect(calls.find(({ stepId }) => stepId === stepIdOf(run.id, 'book'))).toMatchObject({
        given: { input: null, blocks: { extract: null } },
      });
    });

    test('keeps its iteration, whose output is null', async () => {
      const run = await on.run([forEach('each', [block('check', { review: continuing })])], {
        each: [{ n: 1 }, { n: 2 }],
      });
      await on.vote(await on.reviewOf(run, 'check', '0'), u1, { verdict: 'rejected' });
      await on.vote(await on.reviewOf(run, 'check', '1'), u1);
      expect(await outcome(run)).toEqual({
        iterations: [
          { item: { n: 1 }, iteration_key: '0', output: null },
          { item: { n: 2 }, iteration_key: '1', output: { n: 2 } },
        ],
      });
    });

    test('of an input: the block is never executed', async () => {
      const act = block('act', {
        executor: { kind: 'function', name: 'note' },
        execution: { repeatable: false, attempts: 1, timeout: '30s' },
        review: gate({ placement: 'input', on_reject: 'continue' }),
      });
      const run = await on.run([act], { act: { table: 'orders' } });
      await on.vote(await on.reviewOf(run, 'act'), u1, { verdict: 'rejected' });
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(begun(run)).toEqual([]);
    });
  });
});
