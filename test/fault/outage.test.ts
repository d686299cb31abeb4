import { setTimeout as delay } from 'node:timers/promises';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import type { Client } from '../../src/client/index.js';
import { signalProcess } from '../../src/dev/process-identity.js';
import { until } from '../support/until.js';
import { measured, seconds } from './measured.js';
import { type Squatter, takePort } from './port-squatter.js';
import { addPerson, ended, park, type Parked, type Person, reviewOf, vote } from './people.js';
import { isLinux, type Readiness, startTestStack, type TestStack } from './test-stack.js';

const WORKFLOW = 'outage';
const VOTES = 10;
const AWAY_MS = 60_000;

describe.runIf(isLinux)('a stack whose Temporal is away for a minute', () => {
  let stack: TestStack;
  let admin: Client;
  let people: readonly Person[];
  let temporal: Connection;

  beforeAll(async () => {
    stack = await startTestStack();
    admin = await stack.admin();
    people = await Promise.all(
      ['fin1', 'fin2', 'fin3'].map((id) => addPerson(stack, id, 'finance')),
    );
    await admin.workflows.put(WORKFLOW, {
      blocks: [
        {
          id: 'extract',
          type: 'extract',
          executor: { kind: 'supplied' },
          review: { groups: ['finance'] },
        },
        { id: 'book', type: 'task', executor: { kind: 'function', name: 'book' } },
      ],
    });
    for (const [workflowId, repeatable] of [
      ['once', false],
      ['again', true],
    ] as const) {
      const executor = { kind: 'function', name: 'hold' };
      const execution = { repeatable, timeout: '10m' };
      await admin.workflows.put(workflowId, {
        blocks: [{ id: 'work', type: 'task', executor, execution }],
      });
    }
    temporal = Connection.lazy({
      address: await stack.temporalAddress(),
      interceptors: [],
      channelArgs: { 'grpc.initial_reconnect_backoff_ms': 20, 'grpc.max_reconnect_backoff_ms': 50 },
    });
  });
  beforeEach(({ onTestFailed }) => onTestFailed(() => stack.tell()));
  afterAll(() => stack.remove());
  afterAll(() => temporal.close());

  test('because it hangs: people vote on, and everything takes effect when it goes on', async () => {
    const pid = await until('Temporal', () => stack.pidOf('Temporal'));
    onTestFinished(() => signalProcess(pid, 'SIGCONT')); // stopped, it would not even hear that it should end
    const [once, again] = await Promise.all([executing('once'), executing('again')]);
    await throughAnOutage('hanging', {
      begin: async () => signalProcess(pid, 'SIGSTOP'),
      end: async () => signalProcess(pid, 'SIGCONT'),
    });

    // Temporal has heard nothing of these for longer than a heartbeat may take, and gives them up.
    stack.journal.letGo(again);
    expect(await ended(admin, runOf(again))).toMatchObject({ lifecycle: { status: 'completed' } });
    stack.journal.letGo(once);
    const { lifecycle } = await ended(admin, runOf(once));
    expect(stack.journal.of(once).filter(({ event }) => event === 'begun')).toHaveLength(1);
    expect(['completed', 'error']).toContain(lifecycle.status);
    measured(
      `a block that must not be repeated, executing meanwhile: ${JSON.stringify(lifecycle)}`,
    );
  });

  test('because it was killed and cannot start: people vote on, and everything takes effect when it is back', async () => {
    const port = Number((await stack.temporalAddress()).split(':')[1]);
    let squatter: Squatter | null = null;
    onTestFinished(() => squatter?.leave());
    await throughAnOutage('killed', {
      begin: async () => {
        await stack.kill('Temporal');
        squatter = await takePort(port);
      },
      end: async () => {
        await squatter?.leave();
        squatter = null;
      },
    });
  });

  async function throughAnOutage(
    name: string,
    outage: { readonly begin: () => Promise<void>; readonly end: () => Promise<void> },
  ): Promise<void> {
    const names = Array.from({ length: VOTES }, (_, index) => `${name}-${index}`);
    const parked = await park(stack, WORKFLOW, 'extract', names);
    await outage.begin();
    const wentAt = performance.now();
    const watch = watchReadiness(stack);

    // Half of them at once, which is how an outage is noticed, and the others over the whole of it.
    const voters = parked.map((one, index) => [one, personAt(people, index)] as const);
    const [first, later] = [voters.slice(0, VOTES / 2), voters.slice(VOTES / 2)];
    const answered = await Promise.all(first.map(([one, person]) => voteDurably(person, one)));
    await until('readyz to say degraded', () => watch.last()?.temporal === 'degraded');
    const noticedMs = performance.now() - wentAt;
    const begun = await admin.runs.start({
      workflow_id: WORKFLOW,
      json_inputs: { extract: { name, total: 1 } },
    });
    expect(begun.lifecycle.status).toBe('pending');
    for (const [index, [one, person]] of later.entries()) {
      await delay(wentAt + (AWAY_MS * (index + 1)) / later.length - performance.now());
      answered.push(await voteDurably(person, one));
    }
    const slowestMs = Math.max(...answered);
    const pending = VOTES + 1;
    // What is owed is counted anew every few seconds, and not for each who asks.
    await until('all that is owed', async () => (await stack.readyz()).pending === pending);
    const seen = await watch.stop();
    expect(seen.filter(({ status }) => status !== 200)).toEqual([]);
    const degradedFrom = seen.findIndex(({ temporal: state }) => state === 'degraded');
    expect(seen.slice(degradedFrom).filter(({ temporal: s }) => s !== 'degraded')).toEqual([]);

    await outage.end();
    await until('Temporal to answer', () => answersCalls(temporal), 60_000);
    const answersAt = performance.now();
    await until('the first delivery', async () => (await stack.readyz()).pending < pending, 60_000);
    const firstMs = performance.now() - answersAt;
    await until('everything to be delivered', async () => (await stack.readyz()).pending === 0);
    const allMs = performance.now() - answersAt;
    for (const one of parked) {
      await expectBooked(one);
    }
    const endedMs = performance.now() - answersAt;
    expect(await reviewOf(admin, begun.id)).toMatchObject({ status: 'PENDING' });
    await until('readyz to say ok', async () => (await stack.readyz()).temporal === 'ok');
    expect(await stack.readyz()).toMatchObject({ status: 200, pending: 0, failed: 0 });
    measured(
      `Temporal ${name} for ${seconds(AWAY_MS)}: degraded after ${seconds(noticedMs)}, slowest vote ${seconds(slowestMs)}; ` +
        `once it answered, the first delivery took ${seconds(firstMs)}, all ${pending} ${seconds(allMs)}, and the last run had ended after ${seconds(endedMs)}`,
    );
  }

  /** Starts a run whose block does not end by itself; gives the id of its step. */
  async function executing(workflowId: string): Promise<string> {
    const run = await admin.runs.start({ workflow_id: workflowId });
    const stepId = `${run.id}_work`;
    await until(`${workflowId} to be executed`, () => stack.journal.of(stepId).length === 1);
    return stepId;
  }

  /** Approves; the vote stands, and the answer says that the workflow does not know yet, and why. */
  async function voteDurably(person: Person, { review }: Parked): Promise<number> {
    const startedAt = performance.now();
    const { answer, failures } = await vote(person, {
      reviewId: review.id,
      versionId: review.newest_version_id,
      verdict: 'approved',
    });
    expect(failures).toEqual([]);
    expect(answer).toMatchObject({
      submission_status: 'accepted',
      resume_status: 'pending',
      review: { status: 'APPROVED' },
    });
    expect(answer.resume_error).toMatch(
      /^The vote is recorded; the workflow will be told as soon as Temporal answers \(.+\)\.$/,
    );
    return performance.now() - startedAt;
  }

  async function expectBooked({ run, review, snapshot }: Parked): Promise<void> {
    expect(await ended(admin, run.id)).toMatchObject({ lifecycle: { status: 'completed' } });
    const { data: facts } = await admin.reviews.votes(review.id).take(10);
    expect(facts).toHaveLength(1);
    const executions = stack.journal.of(`${run.id}_book`);
    expect(executions.map(({ given }) => given)).toEqual([
      { input: null, blocks: { extract: snapshot } },
    ]);
  }
});

function runOf(stepId: string): string {
  return stepId.replace(/_work$/, '');
}

function personAt(people: readonly Person[], index: number): Person {
  const person = people[index % people.length];
  if (person === undefined) {
    throw new Error('there is nobody');
  }
  return person;
}

async function answersCalls(temporal: Connection): Promise<boolean> {
  return await temporal
    .withDeadline(Date.now() + 1_000, () => temporal.workflowService.getSystemInfo({}))
    .then(
      () => true,
      () => false,
    );
}

/** Asks `/readyz` all the time. */
function watchReadiness(stack: TestStack): {
  last(): Readiness | undefined;
  stop(): Promise<readonly Readiness[]>;
} {
  const seen: Readiness[] = [];
  const stopping = new AbortController();
  onTestFinished(() => stopping.abort());
  const work = (async () => {
    while (!stopping.signal.aborted) {
      seen.push(await stack.readyz());
      await delay(250);
    }
  })();
  return {
    last: () => seen.at(-1),
    stop: async () => {
      stopping.abort();
      await work;
      return seen;
    },
  };
}
