import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { WorkflowHandle } from '@temporalio/client';
import { NativeConnection, Worker } from '@temporalio/worker';
import { inject } from 'vitest';
import { putPerson } from '../../../src/store/people.js';
import { findReviewOfStep } from '../../../src/store/reviews.js';
import { getRun } from '../../../src/store/runs.js';
import { SYSTEM } from '../../../src/store/actors.js';
import type { ReviewRow, RunRow, StepRow } from '../../../src/store/tables.js';
import type { ReviewOfValue } from '../../../src/workflow.js';
import type { Installation } from '../../support/installation.js';
import type { Operator } from '../../support/operator.js';
import { until } from '../../support/until.js';
import type * as workflows from './workflows.js';

/** A review that an author's workflow waits for. */
export type OwnReview = {
  readonly run: RunRow;
  readonly step: StepRow;
  readonly review: ReviewRow;
  /** The gate. */
  readonly holder: string;
};

/** A workflow of the author; what it answers has yet to be looked at. */
export type Own = WorkflowHandle<() => Promise<unknown>>;

/** An author with a worker of their own, beside Countersign's. */
export type Author = {
  readonly taskQueue: string;
  /** What a review is asked for with, but for what a test is about. */
  options<T extends object>(snapshot: T, about?: Partial<ReviewOfValue<T>>): ReviewOfValue<T>;
  start(type: keyof typeof workflows, ...args: readonly object[]): Promise<Own>;
  /** Waits for the review that a workflow asked for under a key. */
  reviewOf(workflow: Own, key?: string): Promise<OwnReview>;
  runOf(workflow: Own, key?: string): Promise<RunRow>;
  runsOf(workflow: Own): Promise<number>;
  stopWorker(): Promise<void>;
  startWorker(): Promise<void>;
};

/** Starts an author's worker; the caller stops it. */
export async function startAuthor(on: Installation, op: Operator): Promise<Author> {
  const { db } = on.database;
  const taskQueue = `own-${randomUUID()}`;
  await putPerson(db, SYSTEM, {
    id: 'u_owner',
    name: 'Owner',
    email: 'owner@example.org',
    slackId: '',
    groups: [],
    roles: ['reviewer'],
  });
  let running: { readonly worker: Worker; readonly done: Promise<void> } | null = null;
  const startWorker = async (): Promise<void> => {
    const connection = await NativeConnection.connect({ address: inject('temporalAddress') });
    const worker = await Worker.create({
      connection,
      taskQueue,
      workflowsPath: fileURLToPath(new URL('workflows.ts', import.meta.url)),
      stickyQueueScheduleToStartTimeout: '2s',
    });
    const run = async (): Promise<void> => {
      await worker.run();
      await connection.close();
    };
    const done = run();
    running = { worker, done };
  };
  await startWorker();

  const runIdOf = (workflow: Own, key: string): Promise<string> =>
    until(`the run of ${workflow.workflowId}/${key}`, async () => {
      const row = await db
        .selectFrom('externalRun')
        .select('runId')
        .where('workflowId', '=', workflow.workflowId)
        .where('key', '=', key)
        .executeTakeFirst();
      return row?.runId;
    });

  return {
    taskQueue,
    options: (snapshot, about = {}) => ({
      key: 'refund',
      owner: 'u_owner',
      policy: {},
      snapshot,
      taskQueue: on.temporal.taskQueue,
      ...about,
    }),
    start: (type, ...args) =>
      op.client.workflow.start(type, {
        workflowId: `refund-${randomUUID()}`,
        taskQueue,
        args: [...args],
      }),
    reviewOf: async (workflow, key = 'refund') => {
      const run = await getRun(db, await runIdOf(workflow, key));
      const step = await db
        .selectFrom('step')
        .selectAll()
        .where('runId', '=', run.id)
        .executeTakeFirstOrThrow();
      const review = await until('the review', () => findReviewOfStep(db, step.id));
      return { run, step, review, holder: step.holder ?? '' };
    },
    runOf: async (workflow, key = 'refund') => await getRun(db, await runIdOf(workflow, key)),
    runsOf: async (workflow) => {
      const rows = await db
        .selectFrom('externalRun')
        .select('runId')
        .where('workflowId', '=', workflow.workflowId)
        .execute();
      return rows.length;
    },
    startWorker,
    stopWorker: async () => {
      running?.worker.shutdown();
      await running?.done;
      running = null;
    },
  };
}
