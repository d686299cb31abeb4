import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { until } from '../support/until.js';
import { measured, seconds } from './measured.js';
import { ended, insist, park, type Parked } from './people.js';
import { isLinux, startTestStack, type TestStack } from './test-stack.js';

describe.runIf(isLinux)('`countersign up` on a home that has been used', () => {
  let stack: TestStack;
  let admin: Client;

  beforeAll(async () => {
    stack = await startTestStack();
    admin = await stack.admin();
    await admin.workflows.put('gated', {
      blocks: [
        { id: 'extract', type: 'extract', executor: { kind: 'supplied' }, review: {} },
        { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
      ],
    });
    await admin.workflows.put('held', {
      blocks: [
        {
          id: 'work',
          type: 'task',
          executor: { kind: 'function', name: 'hold' },
          execution: { timeout: '5m' },
        },
        { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
      ],
    });
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => stack.remove());

  test('stopped by SIGTERM: what is executed finishes or is taken up again, and parked runs wait', async () => {
    const parked = await parkOne('before-the-stop');
    const [finishing, stubborn] = await Promise.all([held('finishing'), held('stubborn')]);
    const logBefore = (await stack.log('worker')).length;
    const stoppedAt = performance.now();
    const stopping = stack.stop();
    await until('the worker to drain', async () =>
      (await stack.log('worker')).slice(logBefore).includes('"DRAINING"'),
    );
    stack.journal.letGo(finishing);
    expect(await stopping).toBe(0);
    const stopMs = performance.now() - stoppedAt;
    expect(eventsOf(finishing)).toEqual([
      ['begun', 1],
      ['answered', 1],
    ]);
    expect(eventsOf(stubborn)).toEqual([['begun', 1]]);

    const startedAt = performance.now();
    await stack.up();
    const upMs = performance.now() - startedAt;
    expect(await ended(admin, runOf(finishing))).toMatchObject({
      lifecycle: { status: 'completed' },
    });
    expect(eventsOf(finishing)).toHaveLength(2);
    await until(
      'the other one to be executed again',
      () => eventsOf(stubborn).length === 2,
      60_000,
    );
    stack.journal.letGo(stubborn);
    expect(await ended(admin, runOf(stubborn))).toMatchObject({
      lifecycle: { status: 'completed' },
    });
    expect(eventsOf(stubborn)).toEqual([
      ['begun', 1],
      ['begun', 2],
      ['answered', 2],
    ]);
    await approveAndExpectBooked(parked);
    measured(
      `stopped in ${seconds(stopMs)} with a block that did not end; up again in ${seconds(upMs)}`,
    );
  });

  test('killed while people vote: nothing is left running, and the next one goes on', async () => {
    const [waiting, ...others] = await Promise.all(
      ['waiting', 'voted-1', 'voted-2', 'voted-3'].map((name) => parkOne(`killed-${name}`)),
    );
    const work = await held('killed-executing');
    const voting = others.map(({ review }) => approve(review.id, review.newest_version_id));
    await Promise.race(voting);
    const killedAt = performance.now();
    await stack.crash();
    const goneMs = performance.now() - killedAt;
    const startedAt = performance.now();
    await stack.up();
    const upMs = performance.now() - startedAt;
    await Promise.all(voting);
    stack.journal.letGo(work);
    for (const one of others) {
      await expectBooked(one);
    }
    if (waiting !== undefined) {
      await approveAndExpectBooked(waiting);
    }
    expect(await ended(admin, runOf(work))).toMatchObject({ lifecycle: { status: 'completed' } });
    measured(
      `killed: everything was gone after ${seconds(goneMs)}; up again in ${seconds(upMs)}, and all runs had ended after ${seconds(performance.now() - startedAt)}`,
    );
    await until('doctor to find nothing', async () => (await stack.doctor()).code === 0, 60_000);
  });

  test('without what Temporal knew: doctor says what is gone, and mends it', async () => {
    const parked = await parkOne('before-the-loss');
    const voted = await parkOne('voted-before-the-loss');
    await stack.kill('worker');
    await approve(voted.review.id, voted.review.newest_version_id);
    await stack.crash();
    await Promise.all(
      ['state.db', 'state.db-shm', 'state.db-wal'].map((name) =>
        rm(join(stack.home, 'temporal', name), { force: true }),
      ),
    );
    await stack.up();
    const before = await stack.doctor();
    expect(before.code).toBe(1);
    expect(before.findings.map(({ code, runId }) => [code, runId])).toEqual(
      expect.arrayContaining([
        ['RUN_GONE', parked.run.id],
        ['RUN_GONE', voted.run.id],
      ]),
    );
    const mended = await stack.doctor('--fix');
    expect(mended.findings.filter(({ fixed }) => !fixed)).toEqual([]);
    expect(mended.code).toBe(0);
    await expectBooked(voted);
    await approveAndExpectBooked(parked);
    expect(await stack.doctor()).toEqual({ code: 0, findings: [] });
  });

  async function parkOne(name: string): Promise<Parked> {
    const [parked] = await park(stack, 'gated', 'extract', [name]);
    if (parked === undefined) {
      throw new Error('nothing was parked');
    }
    return parked;
  }

  /** Starts a run whose first block does not end by itself; gives the id of its step. */
  async function held(name: string): Promise<string> {
    const run = await admin.runs.start({ workflow_id: 'held', command_id: name });
    const stepId = `${run.id}_work`;
    await until(`${name} to be executed`, () => eventsOf(stepId).length === 1);
    return stepId;
  }

  function eventsOf(stepId: string): readonly (readonly [string, number])[] {
    return stack.journal.of(stepId).map(({ event, attempt }) => [event, attempt]);
  }

  async function approve(reviewId: string, versionId: string): Promise<void> {
    const { answer } = await insist(() => admin.reviews.approve(reviewId, versionId));
    expect(answer.submission_status).not.toBe('conflict');
  }

  async function approveAndExpectBooked(parked: Parked): Promise<void> {
    expect(await admin.reviews.get(parked.review.id)).toMatchObject({ status: 'PENDING' });
    await approve(parked.review.id, parked.review.newest_version_id);
    await expectBooked(parked);
  }

  async function expectBooked({ run, review, snapshot }: Parked): Promise<void> {
    expect(await ended(admin, run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
    const { data: facts } = await admin.reviews.votes(review.id).take(10);
    expect(facts.map(({ seq, actor }) => [seq, actor.id])).toEqual([[1, 'admin']]);
    const executions = stack.journal.of(`${run.id}_book`);
    expect(executions.length).toBeGreaterThan(0);
    for (const { given } of executions) {
      expect(given).toEqual({ input: null, blocks: { extract: snapshot } });
    }
  }
});

function runOf(stepId: string): string {
  return stepId.replace(/_work$/, '');
}
