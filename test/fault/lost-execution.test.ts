import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { measured, seconds } from './measured.js';
import { ended, insist, park, type Parked } from './people.js';
import { takePort } from './port-squatter.js';
import { isLinux, startTestStack, type TestStack } from './test-stack.js';

const MUST_NOT_REPEAT =
  'The block was being executed when its worker was lost, and it must not be repeated: find out what it did, then settle the step (countersign step settle) and retry the run.';

describe.runIf(isLinux)('a block that is being executed', () => {
  let stack: TestStack;
  let admin: Client;

  beforeAll(async () => {
    stack = await startTestStack();
    admin = await stack.admin();
    for (const [workflowId, repeatable] of [
      ['once', false],
      ['again', true],
    ] as const) {
      await admin.workflows.put(workflowId, {
        blocks: [
          {
            id: 'pay',
            type: 'task',
            executor: { kind: 'function', name: 'hold' },
            execution: { repeatable, timeout: '5m' },
            review: { placement: 'input' },
          },
          { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
        ],
      });
    }
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => stack.remove());

  test('while PostgreSQL is killed: its answer is stored when that is back', async () => {
    const one = await executing('once', 'answers-while-postgres-is-away');
    const port = Number(new URL(await stack.databaseUrl()).port);
    await stack.kill('PostgreSQL');
    const squatter = await takePort(port);
    let isThere = true;
    onTestFinished(async () => (isThere ? squatter.leave() : undefined));
    stack.journal.letGo(one.stepId);
    await until('its answer', () => stack.journal.of(one.stepId).length === 2);
    await until('readyz to say so', async () => (await stack.readyz()).status === 503);
    isThere = false;
    await squatter.leave();
    expect(await ended(admin, one.run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
    expect(stack.journal.of(one.stepId).map(({ event }) => event)).toEqual(['begun', 'answered']);
    expect(await admin.reviews.get(one.review.id)).toMatchObject({ status: 'EXECUTED' });
  });

  test('while its worker is killed: it is executed again if it may be, else its outcome is unknown', async () => {
    const [once, again] = await Promise.all([
      executing('once', 'lost'),
      executing('again', 'lost-2'),
    ]);
    const killedAt = performance.now();
    const { pid } = await stack.kill('worker');

    expect(await ended(admin, once.run.id)).toMatchObject({
      lifecycle: { status: 'error', message: MUST_NOT_REPEAT, failing_step_id: once.stepId },
    });
    const unknownMs = performance.now() - killedAt;
    expect(await admin.steps.get(once.stepId)).toMatchObject({
      outcome_unknown: true,
      lifecycle: { status: 'error', message: MUST_NOT_REPEAT },
    });
    expect(await admin.reviews.get(once.review.id)).toMatchObject({
      status: 'UNKNOWN',
      decision: { verdict: 'approved' },
    });

    await until(
      'the repeatable one to begin again',
      () => stack.journal.of(again.stepId).length === 2,
      60_000,
    );
    const againMs = performance.now() - killedAt;
    stack.journal.letGo(again.stepId);
    expect(await ended(admin, again.run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
    const executions = stack.journal.of(again.stepId);
    expect(executions.map(({ event, attempt }) => [event, attempt])).toEqual([
      ['begun', 1],
      ['begun', 2],
      ['answered', 2],
    ]);
    expect(executions.map((each) => each.pid === pid)).toEqual([true, false, false]);

    expect(stack.journal.of(once.stepId)).toHaveLength(1);
    expect(stack.journal.of(`${once.run.id}_book`)).toEqual([]);
    const { code, findings } = await stack.doctor();
    expect(findings).toEqual([
      {
        code: 'OUTCOME_UNKNOWN',
        runId: once.run.id,
        message: `The outcome of step ${once.stepId} is unknown. ${MUST_NOT_REPEAT}`,
        fixed: false,
      },
    ]);
    // It is said, and stays on record; there is nothing that doctor could mend.
    expect(code).toBe(0);
    measured(
      `worker killed: UNKNOWN after ${seconds(unknownMs)}, the repeatable one was executed again after ${seconds(againMs)}`,
    );
  });

  /** Approves an input and waits until the block behind it is in the middle of its work. */
  async function executing(workflowId: string, name: string): Promise<Parked & { stepId: string }> {
    const [parked] = await park(stack, workflowId, 'pay', [name]);
    if (parked === undefined) {
      throw new Error('nothing was parked');
    }
    const { review } = parked;
    await insist(() => admin.reviews.approve(review.id, review.newest_version_id));
    const { step_id: stepId } = review;
    await until(`${name} to be executed`, () => stack.journal.of(stepId).length === 1);
    expect(await admin.reviews.get(review.id)).toMatchObject({ status: 'PROCESSING' });
    return { ...parked, stepId };
  }
});
