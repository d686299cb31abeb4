import { randomUUID } from 'node:crypto';
import { pino } from 'pino';
import { inject } from 'vitest';
import type { BlockFunctions } from '../../src/blocks.js';
import { installRuntime, type RunningWorker, startWorker } from '../../src/cli/worker-process.js';
import { LEASE_MS, Sender } from '../../src/delivery/sender.js';
import { openTemporal, type Temporal } from '../../src/delivery/temporal.js';
import type { Command } from '../../src/domain/decide.js';
import type { Block, Definition, Gate } from '../../src/domain/definition.js';
import type { JsonObject } from '../../src/domain/json.js';
import type { Verdict } from '../../src/domain/facts.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import type { VoteResult } from '../../src/store/record-vote.js';
import { type Retry, retryRun } from '../../src/store/retry-run.js';
import type { Db } from '../../src/store/database.js';
import { putPerson } from '../../src/store/people.js';
import { findReviewOfStep } from '../../src/store/reviews.js';
import { createRun, getRun } from '../../src/store/runs.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { findStep } from '../../src/store/steps.js';
import type { ReviewRow, RunRow, StepRow } from '../../src/store/tables.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { createTestDatabase, type TestDatabase } from './database.js';
import { until } from './until.js';
import { recordVote } from './voters.js';

/** A worker, a sender and a database of a test file's own, on the shared servers. */
export type Installation = {
  readonly database: TestDatabase;
  readonly temporal: Temporal;
  readonly env: Readonly<Record<string, string>>;
  readonly worker: RunningWorker;
  /** Starts another worker, with functions of its own if given. */
  startWorker(functions?: BlockFunctions): Promise<RunningWorker>;
  /** Goes on with a run in error. */
  retry(run: RunRow): Promise<Retry>;
  /** Declares a definition and starts a run of it. */
  run(blocks: readonly Block[], inputs?: JsonObject, owner?: string | null): Promise<RunRow>;
  vote(review: ReviewRow, voter: Actor, vote?: Partial<VoteOf>): Promise<VoteResult>;
  reviewOf(run: RunRow, blockId: string, iterationKey?: string): Promise<ReviewRow>;
  step(run: RunRow, blockId: string, iterationKey?: string): Promise<StepRow>;
  /** Waits until a run has ended and gives it. */
  ended(run: RunRow): Promise<RunRow>;
  stop(): Promise<void>;
};

export type VoteOf = {
  readonly verdict: Verdict;
  readonly versionId: string | null;
  readonly reason: string | null;
};

let isRuntimeInstalled = false;

/** Starts one; the caller stops it. */
export async function startInstallation(
  functions: BlockFunctions = {},
  temporalEnv: { readonly TEMPORAL_ADDRESS: string; readonly [name: string]: string } = {
    TEMPORAL_ADDRESS: inject('temporalAddress'),
  },
): Promise<Installation> {
  const database = await createTestDatabase();
  const { db, url: databaseUrl } = database;
  const env = {
    ...temporalEnv,
    COUNTERSIGN_TASK_QUEUE: `test-${randomUUID()}`,
  };
  const logger = pino({ level: process.env['TEST_LOG'] ?? 'silent' });
  if (!isRuntimeInstalled) {
    installRuntime(logger);
    isRuntimeInstalled = true;
  }
  await addPeople(db);
  const temporal = openTemporal(env);
  const sender = new Sender({ db, temporal, logger });
  sender.start();
  const workers: RunningWorker[] = [];
  const startOne = async (own: BlockFunctions = functions): Promise<RunningWorker> => {
    const worker = await startWorker({ databaseUrl, env, functions: own, logger });
    workers.push(worker);
    return worker;
  };
  const worker = await startOne();

  return {
    database,
    temporal,
    env,
    worker,
    startWorker: startOne,
    run: async (blocks, inputs = {}, owner = null) => {
      const definition: Definition = {
        workflow_id: `wf-${randomUUID()}`,
        name: null,
        metadata: null,
        blocks,
      };
      const version = await putWorkflow(db, SYSTEM, definition);
      const request = { version, inputs, metadata: null, ownerId: owner, commandId: null };
      const started = await createRun(db, SYSTEM, { ...request, trigger: 'api' }, LEASE_MS);
      await sender.forward(started.lease === null ? [] : [started.lease]);
      return started.run;
    },
    retry: async (run) => {
      const retried = await retryRun(db, SYSTEM, run.id, null, LEASE_MS);
      const lease = retried.kind === 'retried' ? retried.lease : null;
      await sender.forward(lease === null ? [] : [lease]);
      return retried;
    },
    vote: async (review, voter, vote = {}) => {
      const command: Command = {
        kind: 'vote',
        verdict: vote.verdict ?? 'approved',
        versionId: vote.versionId ?? null,
        force: false,
        mayWithdraw: false,
        refusedWhenFinal: false,
        timeWindow: null,
        acknowledgedVersionIds: [],
      };
      const request = { command, reason: vote.reason ?? null, dialect: 'native' as const };
      const result = await recordVote(db, voter, review.id, request, LEASE_MS);
      await sender.forward('leases' in result ? result.leases : []);
      return result;
    },
    reviewOf: (run, blockId, iterationKey) => {
      const stepId = stepIdOf(run.id, blockId, iterationKey);
      return until(`the review of ${stepId}`, () => findReviewOfStep(db, stepId));
    },
    step: async (run, blockId, iterationKey) => {
      const step = await findStep(db, run.projectId, stepIdOf(run.id, blockId, iterationKey));
      if (step === null) {
        throw new Error(`run ${run.id} has no step ${blockId}`);
      }
      return step;
    },
    ended: (run) =>
      until(`the end of run ${run.id}`, async () => {
        const now = await getRun(db, run.id);
        return now.endedAt === null ? null : now;
      }),
    stop: async () => {
      await Promise.all(workers.map((one) => one.stop()));
      await sender.stop();
      await temporal.close();
      await database.drop();
    },
  };
}

/** Somebody for every gate of a test: where nobody can approve, doctor says so. */
async function addPeople(db: Db): Promise<void> {
  for (const id of ['u1', 'u2']) {
    const { name, roles } = reviewer(id);
    const groups = ['finance', 'legal'];
    await putPerson(db, SYSTEM, {
      id,
      name,
      email: `${id}@example.com`,
      slackId: '',
      groups,
      roles,
    });
  }
}

/** A person with a reviewer's role. */
export function reviewer(id: string, ...groups: readonly string[]): Actor {
  return { ...SYSTEM, id, kind: 'person', name: `Name of ${id}`, groups, roles: ['reviewer'] };
}

/** A gate that always fires and that anybody may approve, but for what a test is about. */
export function gate(about: Partial<Gate> = {}): Gate {
  return {
    name: null,
    instructions: null,
    link: null,
    predicate: { kind: 'always' },
    placement: 'output',
    groups: [],
    reviewers: [],
    min_approvals: null,
    self_approval: 'admins',
    one_person_one_entry: false,
    corrections: 'entries',
    correction_author_may_approve: true,
    release: 'auto',
    on_reject: 'cancel_run',
    force_approval_groups: [],
    acknowledge_superseded: false,
    ...about,
  };
}

/** A task block that takes its output from the run's inputs, but for what a test is about. */
export function block(id: string, about: Partial<Block> = {}): Block {
  return {
    id,
    type: 'task',
    label: null,
    needs: [],
    executor: { kind: 'supplied' },
    review: null,
    json_schema: null,
    categories: null,
    n_consensus: 1,
    allow_overlap: false,
    map_method: null,
    key: null,
    body: null,
    execution: { repeatable: true, attempts: 3, timeout: '30s' },
    ...about,
  };
}

/** A for_each over the list (or the partitions) that it takes from the run's inputs. */
export function forEach(id: string, body: readonly Block[], about: Partial<Block> = {}): Block {
  return block(id, { type: 'for_each', body, ...about });
}

/** A block that hands on the output of another. */
export function passing(id: string, from: string, about: Partial<Block> = {}): Block {
  return block(id, { executor: { kind: 'pass' }, needs: [from], ...about });
}
