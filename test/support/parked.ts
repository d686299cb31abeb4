import { randomUUID } from 'node:crypto';
import { sql } from 'kysely';
import type { Command } from '../../src/domain/decide.js';
import type { Block, Definition, Gate } from '../../src/domain/definition.js';
import type { Verdict } from '../../src/domain/facts.js';
import { isJsonObject, type JsonObject } from '../../src/domain/json.js';
import type { TimeWindow } from '../../src/domain/time-window.js';
import { parseDefinition } from '../../src/rules/definition.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import { type Db, inTransaction } from '../../src/store/database.js';
import {
  checkGate,
  type Firing,
  type GateCheck,
  type GateView,
  openInputReview,
  openReview,
  takeStep,
} from '../../src/store/gates.js';
import { beginStep, finishStep, markRunning } from '../../src/store/ledger.js';
import { settleMessage } from '../../src/store/outbox.js';
import type { Dialect } from '../../src/store/record-fact.js';
import type { VoteResult } from '../../src/store/record-vote.js';
import { findReview } from '../../src/store/reviews.js';
import { createRun, getRun, type RunRequest } from '../../src/store/runs.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import { getStepContext, readBlockInput } from '../../src/store/steps.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { gateOf } from './callers.js';
import { recordVote } from './voters.js';

// Gates that wait for people, brought there by the store's own functions and without Temporal.

/** A person with the reviewer role, as a token of theirs shows them. */
export function person(id: string, ...groups: readonly string[]): Actor {
  return {
    ...SYSTEM,
    id,
    kind: 'person',
    name: `Name of ${id}`,
    groups,
    roles: ['reviewer'],
    tokenId: `tok_${id}`,
  };
}

/** Different members of one group. */
export function members(group: string, count: number): readonly Actor[] {
  return Array.from({ length: count }, (_, index) => person(`u_${group}_${index + 1}`, group));
}

const [BLOCK] = definitionOf([
  { id: 'any', type: 'task', executor: { kind: 'supplied' }, review: {} },
]).blocks;

function definitionOf(blocks: readonly JsonObject[]): Definition {
  const parsed = parseDefinition('any', { blocks });
  if ('problems' in parsed) {
    throw new Error(JSON.stringify(parsed.problems));
  }
  return parsed.definition;
}

/** A gate that always fires and that anybody may approve, but for what a test is about. */
export function aGate(about: Partial<Gate> = {}): Gate {
  if (BLOCK === undefined || BLOCK.review === null) {
    throw new Error('the smallest gate has no gate');
  }
  return { ...BLOCK.review, ...about };
}

/** A task without a gate that takes its output from the run's inputs, but for what a test is about. */
export function aBlock(id: string, about: Partial<Block> = {}): Block {
  if (BLOCK === undefined) {
    throw new Error('the smallest block is missing');
  }
  return { ...BLOCK, id, review: null, ...about };
}

/** A definition under an id of its own. */
export function aDefinition(
  blocks: readonly Block[],
  workflowId: string = `wf-${randomUUID()}`,
): Definition {
  return { workflow_id: workflowId, name: null, blocks, metadata: null };
}

/** Stores a definition and asks for a run of it; nothing has begun. */
export async function aRun(
  db: Db,
  blocks: readonly Block[] = [aBlock('only')],
  about: Partial<RunRequest> = {},
): Promise<RunRow> {
  const version = await putWorkflow(db, SYSTEM, aDefinition(blocks));
  const request: RunRequest = {
    version,
    inputs: {},
    metadata: null,
    ownerId: null,
    commandId: null,
    trigger: 'api',
    ...about,
  };
  const { run, lease } = await createRun(db, SYSTEM, request, 60_000);
  if (lease === null) {
    throw new Error('the start of a new run is leased to who asked for it');
  }
  await settleMessage(db, lease, 'delivered');
  return run;
}

/** A run that has begun, with a step for each of its blocks. */
export async function aRunningRun(
  db: Db,
  blocks: readonly Block[],
  about: Partial<RunRequest> = {},
): Promise<RunRow> {
  const run = await aRun(db, blocks, about);
  await inTransaction(db, async (tx) => markRunning(tx, run));
  return await getRun(db, run.id);
}

/** A gate that waits for people. */
export type ParkedGate = {
  readonly run: RunRow;
  readonly stepId: string;
  /** The workflow that runs the step. */
  readonly holder: string;
  /** The review as it was opened. */
  readonly review: ReviewRow;
};

/** What a parked gate's review shows, and a run's inputs hold, unless a test says otherwise. */
export const SNAPSHOT: JsonObject = { total: 5, vendor: 'Acme' };

/** What a gate is opened with. */
export function firingWith(snapshot: JsonObject): Firing {
  return { triggeredBy: { kind: 'always' }, because: 'it always asks', snapshot };
}

/** Brings one gated block of a running run to where it waits for people. */
export async function park(
  db: Db,
  run: RunRow,
  blockId: string,
  snapshot: JsonObject = SNAPSHOT,
  iterationKey: string | null = null,
): Promise<ParkedGate> {
  const stepId = stepIdOf(run.id, blockId, iterationKey);
  const { block } = await getStepContext(db, stepId);
  if (block.review === null) {
    throw new Error(`block ${blockId} has no gate`);
  }
  const gate = block.review;
  const caller = gateOf(stepId);
  await takeStep(db, stepId, caller);
  const view =
    gate.placement === 'input'
      ? await openBefore(db, stepId, gate, snapshot)
      : await openBehind(db, stepId, gate, snapshot);
  const review = await findReview(db, run.projectId, view.reviewId);
  if (review === null) {
    throw new Error(`the gate of ${blockId} did not open`);
  }
  return { run, stepId, holder: caller.workflowId, review };
}

async function openBefore(
  db: Db,
  stepId: string,
  gate: Gate,
  snapshot: JsonObject,
): Promise<GateView> {
  const input = await readBlockInput(db, await getStepContext(db, stepId));
  const asked = { input, firing: firingWith(snapshot) };
  const view = await openInputReview(db, stepId, gateOf(stepId), gate, asked);
  if (view === null || view === 'gone') {
    throw new Error(`the gate of ${stepId} did not open`);
  }
  return view;
}

async function openBehind(
  db: Db,
  stepId: string,
  gate: Gate,
  output: JsonObject,
): Promise<GateView> {
  const attemptToken = randomUUID();
  await beginStep(db, stepId, gateOf(stepId), attemptToken);
  const result = { output, consensus: null, source: null };
  const view = await finishStep(db, { stepId, attemptToken, result }, (tx, context) =>
    openReview(tx, context, gate, firingWith(output)),
  );
  if (typeof view === 'string') {
    throw new Error(`the gate of ${stepId} did not open: its block's result is ${view}`);
  }
  return view;
}

/** A gate that waits for people: one gated block in a run of its own. */
export async function aParkedGate(
  db: Db,
  gate: Partial<Gate> = {},
  about: {
    readonly run?: Partial<RunRequest>;
    readonly block?: Partial<Block>;
    readonly snapshot?: JsonObject;
  } = {},
): Promise<ParkedGate> {
  const snapshot = about.snapshot ?? SNAPSHOT;
  const blocks = [aBlock('extract', { review: aGate(gate), ...about.block })];
  const run = await aRunningRun(db, blocks, { inputs: { extract: snapshot }, ...about.run });
  return await park(db, run, 'extract', snapshot);
}

/** A vote with what is recorded beside it; by default an approval of the newest version. */
type VoteAbout = {
  readonly verdict?: Verdict;
  readonly versionId?: string | null;
  readonly force?: boolean;
  readonly mayWithdraw?: boolean;
  readonly refusedWhenFinal?: boolean;
  readonly timeWindow?: TimeWindow | null;
  readonly acknowledged?: readonly string[];
  readonly reason?: string | null;
  readonly dialect?: Dialect;
  readonly leaseMs?: number;
};

/** Records a vote; the senders are left to deliver it. */
export async function vote(
  db: Db,
  gate: Pick<ParkedGate, 'review'>,
  actor: Actor,
  about: VoteAbout = {},
): Promise<VoteResult> {
  return await act(db, gate, actor, about, {
    kind: 'vote',
    verdict: about.verdict ?? 'approved',
    versionId: about.versionId ?? null,
    force: about.force ?? false,
    mayWithdraw: about.mayWithdraw ?? false,
    refusedWhenFinal: about.refusedWhenFinal ?? false,
    timeWindow: about.timeWindow ?? null,
    acknowledgedVersionIds: about.acknowledged ?? [],
  });
}

/** Takes back what was decided, or one's own approval. */
export async function withdraw(
  db: Db,
  gate: Pick<ParkedGate, 'review'>,
  actor: Actor,
  about: VoteAbout & {
    readonly verdict?: 'rejected' | 'revoked';
    readonly what?: 'own_approval' | 'decision';
  } = {},
): Promise<VoteResult> {
  const { verdict = 'revoked', what = null } = about;
  return await act(db, gate, actor, about, { kind: 'withdraw', verdict, what });
}

/** Asks for a manual release. */
export async function askForRelease(
  db: Db,
  gate: Pick<ParkedGate, 'review'>,
  actor: Actor,
): Promise<VoteResult> {
  return await act(db, gate, actor, {}, { kind: 'release' });
}

async function act(
  db: Db,
  gate: Pick<ParkedGate, 'review'>,
  actor: Actor,
  about: VoteAbout,
  command: Command,
): Promise<VoteResult> {
  const { reason = null, dialect = 'native', leaseMs = 0 } = about;
  return await recordVote(db, actor, gate.review.id, { command, reason, dialect }, leaseMs);
}

/** Asks as the holder of a parked gate how it stands, by which what is due is released. */
export async function check(db: Db, gate: Pick<ParkedGate, 'stepId'>): Promise<GateCheck> {
  return await checkGate(db, gate.stepId, gateOf(gate.stepId));
}

/** A gate on an input that was approved and released: its block may be executed. */
export async function anApprovedInput(db: Db, about: Partial<Block> = {}): Promise<ParkedGate> {
  const gate = await aParkedGate(db, { placement: 'input' }, { block: about });
  await vote(db, gate, person('u_ann'));
  return gate;
}

/** Lets the attempt that is under way be silent for so long that it is taken for lost. */
export async function loseAttempt(db: Db, stepId: string): Promise<void> {
  await db
    .updateTable('step')
    .set({ aliveAt: sql`clock_timestamp() - interval '11 seconds'` })
    .where('id', '=', stepId)
    .execute();
}

/** The review of a parked gate as it stands now. */
export async function reviewNow(db: Db, gate: Pick<ParkedGate, 'review'>): Promise<ReviewRow> {
  const row = await findReview(db, gate.review.projectId, gate.review.id);
  if (row === null) {
    throw new Error(`review ${gate.review.id} is gone`);
  }
  return row;
}

/** An object that was read from the store as JSON; throws for anything else. */
export function asObject(value: unknown): JsonObject {
  if (!isJsonObject(value)) {
    throw new Error(`${JSON.stringify(value)} is no object`);
  }
  return value;
}
