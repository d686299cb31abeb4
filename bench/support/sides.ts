import { randomUUID } from 'node:crypto';
import type { Client as TemporalClient } from '@temporalio/client';
import { createClient, type Client } from '../../src/client/index.js';
import type { ReviewerDecision } from '../../src/domain/messages.js';
import { becomesTrue } from '../../src/dev/wait.js';
import { bareFlatRun, bareRun, decided } from '../bare-workflows.js';
import { concurrently } from './concurrently.js';
import { BARE_TASK_QUEUE, GROUP, WORKFLOW_ID } from './names.js';
import type { Stage } from './stage.js';

/**
 * Who is compared: Countersign; `child`, a bare run with a bare child that waits for the same signals; `flat`, a bare
 * run that waits for them itself. The bare ones believe every signal, and store nothing.
 */
export const SIDES = ['countersign', 'child', 'flat'] as const;
export type SideName = (typeof SIDES)[number];

/** Something of each side. */
export type BySide<T> = Record<SideName, T>;

/** Makes something for each side. */
export function bySide<T>(make: (side: SideName) => T): BySide<T> {
  return { countersign: make('countersign'), child: make('child'), flat: make('flat') };
}

/** A run whose gate waits for people. */
export type ParkedRun = {
  /** The workflow id of the run. */
  readonly id: string;
  /** The workflow id of its gate; null where the run itself waits. */
  readonly gateId: string | null;
  /** Casts one more vote, and resolves when the caller has been told that it is durable. */
  readonly votes: readonly (() => Promise<void>)[];
};

/** One of them, ready to start runs. */
export type Side = {
  readonly name: SideName;
  /** Whether the gate of a run is a workflow of its own. */
  readonly hasGate: boolean;
  /** Whether the API and PostgreSQL take part in its runs. */
  readonly hasStore: boolean;
  /** Starts runs, and returns their workflow ids. */
  start(count: number): Promise<readonly string[]>;
  /** Waits until the gates of these runs wait, with nothing left to do in Temporal. */
  parked(ids: readonly string[]): Promise<readonly ParkedRun[]>;
};

/** Starts runs and waits until every gate waits. */
export async function park(side: Side, count: number): Promise<readonly ParkedRun[]> {
  return await side.parked(await side.start(count));
}

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
    hasGate: true,
    hasStore: true,
    start: (count) =>
      startMany(count, async () => {
        const run = await admin.runs.start({
          workflow_id: WORKFLOW_ID,
          json_inputs: { extract: SNAPSHOT },
        });
        return run.id;
      }),
    parked: async (ids) => {
      const gates = await untilAllWait(temporal, ids, true);
      const reviews = await untilReviewed(admin, ids);
      return ids.map((id, index) => {
        const { reviewId, versionId } = reviews.get(id) ?? fail(`run ${id} has no review`);
        return {
          id,
          gateId: gates[index] ?? null,
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
export function openBare(name: 'child' | 'flat', { temporal }: Stage, votes: number): Side {
  const hasGate = name === 'child';
  return {
    name,
    hasGate,
    hasStore: false,
    start: (count) =>
      startMany(count, async () => {
        const workflowId = `${name}_${randomUUID()}`;
        const options = { workflowId, taskQueue: BARE_TASK_QUEUE };
        await (hasGate
          ? temporal.workflow.start(bareRun, { ...options, args: [votes, `${workflowId}_extract`] })
          : temporal.workflow.start(bareFlatRun, { ...options, args: [votes] }));
        return workflowId;
      }),
    parked: async (ids) => {
      const gates = await untilAllWait(temporal, ids, hasGate);
      return ids.map((id, index) => {
        const gateId = gates[index] ?? null;
        const waiting = temporal.workflow.getHandle(gateId ?? id);
        return {
          id,
          gateId,
          votes: Array.from(
            { length: votes },
            (_, vote) => () => waiting.signal(decided, decisionLike(vote + 1)),
          ),
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

async function untilAllWait(
  temporal: TemporalClient,
  ids: readonly string[],
  hasGate: boolean,
): Promise<readonly (string | null)[]> {
  return await concurrently(PARKING_CONCURRENCY, ids, (id) => untilWaiting(temporal, id, hasGate));
}

/**
 * Waits until a run, and the child that is its gate if it has one, have no task to work off: only a vote moves them.
 *
 * @returns the gate's workflow id
 */
export async function untilWaiting(
  temporal: TemporalClient,
  runId: string,
  hasGate: boolean,
): Promise<string | null> {
  let gateId: string | null = null;
  await orFail(`run ${runId} to wait`, async () => {
    const run = await describe(temporal, runId);
    gateId = run.child;
    const isGateIdle = gateId === null ? !hasGate : (await describe(temporal, gateId)).isIdle;
    return run.isIdle && isGateIdle;
  });
  return gateId;
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
