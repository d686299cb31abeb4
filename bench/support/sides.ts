import { randomUUID } from 'node:crypto';
import type { Client as TemporalClient } from '@temporalio/client';
import { createClient, type Client } from '../../src/client/index.js';
import type { ReviewerDecision } from '../../src/domain/messages.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { bareRun, decided } from '../bare-workflows.js';
import { concurrently } from './concurrently.js';
import { BARE_TASK_QUEUE, GROUP, WORKFLOW_ID } from './names.js';
import type { Stage } from './stage.js';

/** The two that are compared. */
export const SIDES = ['countersign', 'bare'] as const;
export type SideName = (typeof SIDES)[number];

/** A run whose gate waits for people. */
export type ParkedRun = {
  /** The workflow id of the run, and of its gate. */
  readonly id: string;
  readonly gateId: string;
  /** Casts one more vote, and resolves when the caller has been told that it is durable. */
  readonly votes: readonly (() => Promise<void>)[];
};

/** One of the two, ready to park runs. */
export type Side = {
  readonly name: SideName;
  /** Starts runs and waits until every gate waits, with nothing left to do in Temporal. */
  park(count: number): Promise<readonly ParkedRun[]>;
};

const PARK_MS = 120_000;
const PARKING_CONCURRENCY = 8;

/** What is reviewed: about as much as a short invoice. */
const SNAPSHOT = {
  vendor: { name: 'Norrviken Papper AB', vat_id: 'SE556123456701' },
  invoice_number: '58214',
  issue_date: '2026-03-02',
  due_date: '2026-04-01',
  currency: 'SEK',
  net_amount: 10_840,
  tax_amount: 2_710,
  total_amount: 13_550,
  lines: [1, 2, 3, 4].map((line) => ({ line, text: `Copy paper A4, pallet ${line}`, net: 2_710 })),
};

/** Countersign: runs of a stored definition, started and voted on over HTTP, each vote by a person of their own. */
export async function openCountersign(stage: Stage, votes: number): Promise<Side> {
  const { admin, apiUrl, temporal } = stage;
  await admin.workflows.put(WORKFLOW_ID, {
    blocks: [
      {
        id: 'extract',
        type: 'task',
        executor: { kind: 'supplied' },
        review: { groups: [{ group: GROUP, required: votes }] },
      },
      {
        id: 'downstream',
        type: 'task',
        needs: ['extract'],
        executor: { kind: 'function', name: 'downstream' },
      },
    ],
  });
  const voters = await Promise.all(
    Array.from({ length: votes }, (_, index) => enrol(admin, apiUrl, `voter-${index + 1}`)),
  );
  return {
    name: 'countersign',
    park: async (count) => {
      const ids = await startMany(count, async () => {
        const run = await admin.runs.start({
          workflow_id: WORKFLOW_ID,
          json_inputs: { extract: SNAPSHOT },
        });
        return run.id;
      });
      const reviews = await untilReviewed(admin, ids);
      return await concurrently(PARKING_CONCURRENCY, ids, async (id) => {
        const { reviewId, versionId } = reviews.get(id) ?? fail(`run ${id} has no review`);
        return {
          id,
          gateId: await untilWaiting(temporal, id),
          votes: voters.map((voter) => async () => {
            const { submission_status: status } = await voter.reviews.approve(reviewId, versionId);
            if (status !== 'accepted') {
              throw new Error(`a vote on ${reviewId} was answered ${status}`);
            }
          }),
        };
      });
    },
  };
}

async function enrol(admin: Client, url: string, id: string): Promise<Client> {
  await admin.users.put(id, { name: `Person ${id}`, email: `${id}@localhost`, groups: [GROUP] });
  const { token } = await admin.tokens.create({ user_id: id });
  return createClient({ url, token });
}

type OpenReview = { readonly reviewId: string; readonly versionId: string };

async function untilReviewed(
  admin: Client,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, OpenReview>> {
  const reviews = new Map<string, OpenReview>();
  const areOpen = async (): Promise<boolean> => {
    for await (const review of admin.reviews.list({ workflow_id: WORKFLOW_ID, limit: 200 })) {
      reviews.set(review.run_id, { reviewId: review.id, versionId: review.newest_version_id });
    }
    return runIds.every((id) => reviews.has(id));
  };
  await orFail('reviews to open', areOpen);
  return reviews;
}

/** The bare workflows: started and signalled by a plain client, with no database. */
export function openBare({ temporal }: Stage, votes: number): Side {
  return {
    name: 'bare',
    park: async (count) => {
      const ids = await startMany(count, async () => {
        const id = `bare_${randomUUID()}`;
        await temporal.workflow.start(bareRun, {
          workflowId: id,
          taskQueue: BARE_TASK_QUEUE,
          args: [votes, `${id}_extract`],
        });
        return id;
      });
      return await concurrently(PARKING_CONCURRENCY, ids, async (id) => {
        const gateId = await untilWaiting(temporal, id);
        return {
          id,
          gateId,
          votes: Array.from({ length: votes }, (_, index) => async () => {
            await temporal.workflow.getHandle(gateId).signal(decided, decisionLike(index + 1));
          }),
        };
      });
    },
  };
}

/** A payload as large as Countersign's own. */
function decisionLike(seq: number): ReviewerDecision {
  const versionId = 'rvr_AAAAAAAAAAAAAAAAAAAAAAAAAA';
  return {
    review_id: 'rev_AAAAAAAAAAAAAAAAAAAAAAAAAA',
    fact: {
      kind: 'vote',
      seq,
      id: 'fct_AAAAAAAAAAAAAAAAAAAAAAAAAA',
      reviewerId: `voter-${seq}`,
      versionId,
      verdict: 'approved',
      fills: [`group:${GROUP}#${seq}`],
      forced: false,
      actingFor: null,
    },
    status: { status: 'APPROVED', versionId },
  };
}

async function startMany(count: number, start: () => Promise<string>): Promise<readonly string[]> {
  return await concurrently(PARKING_CONCURRENCY, Array.from({ length: count }), start);
}

/**
 * Waits until a run and the child that is its gate have no task to work off: only a vote moves them.
 *
 * @returns the gate's workflow id
 */
export async function untilWaiting(temporal: TemporalClient, runId: string): Promise<string> {
  let gateId: string | null = null;
  await orFail(`run ${runId} to wait`, async () => {
    const run = await describe(temporal, runId);
    gateId = run.child;
    return run.isIdle && gateId !== null && (await describe(temporal, gateId)).isIdle;
  });
  return gateId ?? fail(`run ${runId} has no gate`);
}

async function describe(
  temporal: TemporalClient,
  workflowId: string,
): Promise<{ readonly isIdle: boolean; readonly child: string | null }> {
  const { raw } = await temporal.workflow.getHandle(workflowId).describe();
  const { pendingWorkflowTask: task, pendingActivities, pendingChildren } = raw;
  const [child] = pendingChildren ?? [];
  const isStarted = (child?.runId ?? '') !== '';
  return {
    isIdle: (task === null || task === undefined) && (pendingActivities ?? []).length === 0,
    child: isStarted ? (child?.workflowId ?? null) : null,
  };
}

async function orFail(what: string, condition: () => Promise<boolean>): Promise<void> {
  if (!(await becomesTrue(condition, PARK_MS, 100))) {
    fail(`waited ${PARK_MS / 1_000} seconds for ${what}`);
  }
}

function fail(message: string): never {
  throw new Error(message);
}
