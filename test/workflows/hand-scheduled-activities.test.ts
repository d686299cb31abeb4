import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createActivities } from '../../src/activities/index.js';
import { readHttpSettings } from '../../src/cli/http-settings.js';
import type { Block } from '../../src/domain/definition.js';
import type { Json, JsonObject } from '../../src/domain/json.js';
import { FOR_EACH_RUN, GATED_BLOCK_RUN, WORKFLOW_RUN } from '../../src/domain/messages.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { ReviewRow, RunRow } from '../../src/store/tables.js';
import { type Call, type CallOutcome, type Impostor, scheduleByHand } from '../support/by-hand.js';
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
import { type Author, startAuthor } from './own/author.js';

const u1 = reviewer('u1', 'finance');
const finance = { groups: [{ group: 'finance', required: 1 }] };
/** What only reviewers may see: no answer to a call by hand tells it. */
const SECRET = 'the contents of a snapshot';

/** What is executed only after somebody has approved it. */
const executed: string[] = [];
const acting = (about: Partial<Block> = {}): Block =>
  block('act', {
    executor: { kind: 'function', name: 'act' },
    execution: { repeatable: false, attempts: 1, timeout: '30s' },
    review: gate({ ...finance, placement: 'input', corrections: 'none' }),
    ...about,
  });
const extracting = block('extract', { review: gate(finance) });

/** A run that waits at a gate, and the reviews whose approvals complete it, as they open. */
type Case = {
  readonly name: string;
  readonly blocks: readonly Block[];
  readonly inputs: JsonObject;
  /** The blocks whose reviews are approved in turn; an iteration by its key. */
  readonly approvals: readonly (readonly [string, string?])[];
  readonly executes: readonly string[];
};

const CASES: readonly Case[] = [
  {
    name: 'on an output',
    blocks: [extracting, passing('book', 'extract')],
    inputs: { extract: { secret: SECRET } },
    approvals: [['extract']],
    executes: [],
  },
  {
    name: 'on an input',
    blocks: [acting(), passing('book', 'act')],
    inputs: { act: { secret: SECRET } },
    approvals: [['act']],
    executes: ['act'],
  },
  {
    name: 'on an input behind another that nobody has approved',
    blocks: [extracting, acting({ needs: ['extract'] }), passing('book', 'act')],
    inputs: { extract: { secret: SECRET }, act: { secret: SECRET } },
    approvals: [['extract'], ['act']],
    executes: ['act'],
  },
  {
    name: 'on an output behind another that nobody has approved',
    blocks: [extracting, passing('again', 'extract', { review: gate(finance) })],
    inputs: { extract: { secret: SECRET } },
    approvals: [['extract'], ['again']],
    executes: [],
  },
  {
    name: 'on the items of a for_each',
    blocks: [
      forEach('each', [acting({ review: null })], {
        review: gate(finance),
        map_method: 'split_by_key',
        key: 'vendor',
      }),
      passing('book', 'each'),
    ],
    inputs: {
      each: {
        partitions: [
          { key: SECRET, pages: [1] },
          { key: 'b', pages: [2] },
        ],
      },
    },
    approvals: [['each']],
    executes: ['act@0', 'act@1'],
  },
  {
    name: 'in the iterations of a for_each',
    blocks: [forEach('each', [acting(), passing('keep', 'act')]), passing('book', 'each')],
    inputs: { each: [{ secret: SECRET }, { n: 2 }] },
    approvals: [
      ['act', '0'],
      ['act', '1'],
    ],
    executes: ['act@0', 'act@1'],
  },
];

const ends: readonly Json[] = [
  { kind: 'completed' },
  { kind: 'cancelled' },
  { kind: 'failed', stepId: 'run_X_extract' },
];

/** Some hundred calls, one workflow task after another, on a machine that is busy with other things. */
const MANY_CALLS_MS = 480_000;

describe('an activity that somebody schedules by hand', { timeout: MANY_CALLS_MS }, () => {
  let on: Installation;
  let op: Operator;
  let author: Author;
  let activities: readonly string[];

  beforeAll(async () => {
    on = await startInstallation({
      act: ({ input }, { stepId }) => {
        executed.push(stepId);
        return { done: input };
      },
    });
    op = new Operator(on.temporal.connection);
    author = await startAuthor(on, op);
    activities = Object.keys(
      createActivities({
        db: on.database.db,
        functions: {},
        http: readHttpSettings({}),
        stopping: new AbortController().signal,
        authorWorkflows: { whyCancelled: async () => 'by_hand' },
        lineage: { latestOf: async () => null, isChildOfPresent: async () => true },
        logger: pino({ level: 'silent' }),
      }),
    );
  });
  afterAll(async () => {
    await author.stopWorker();
    await on.stop();
  });

  /** All that the store knows of a run, but for what only says that it was looked at. */
  async function storedOf(runId: string): Promise<unknown> {
    const { db } = on.database;
    const ofRun = async (table: 'review' | 'step' | 'outbox') =>
      await db.selectFrom(table).selectAll().where('runId', '=', runId).orderBy('id').execute();
    const reviews = await ofRun('review');
    const steps = await ofRun('step');
    const stepIds = ['', ...steps.map(({ id }) => id)];
    const reviewIds = ['', ...reviews.map(({ id }) => id)];
    return {
      reviews,
      steps,
      run: await db.selectFrom('run').selectAll().where('id', '=', runId).execute(),
      outbox: await ofRun('outbox'),
      facts: await db.selectFrom('fact').selectAll().where('reviewId', 'in', reviewIds).execute(),
      versions: await db
        .selectFrom('version')
        .selectAll()
        .where('reviewId', 'in', reviewIds)
        .orderBy('id')
        .execute(),
      iterations: await db
        .selectFrom('iteration')
        .selectAll()
        .where('stepId', 'in', stepIds)
        .orderBy('iterationKey')
        .execute(),
      replaced: await db
        .selectFrom('replacedHolder')
        .selectAll()
        .where('stepId', 'in', stepIds)
        .execute(),
      externalRuns: await db.selectFrom('externalRun').selectAll().orderBy('runId').execute(),
    };
  }

  async function untilQuiet(run: RunRow): Promise<void> {
    await until('nothing to be owed', async () => {
      const owed = await on.database.db
        .selectFrom('outbox')
        .select('id')
        .where('runId', '=', run.id)
        .where('state', '=', 'pending')
        .execute();
      return owed.length === 0;
    });
  }

  /** Every activity with every argument that its callers have ever sent, and with what nobody sends. */
  async function callsFor(run: RunRow): Promise<readonly Call[]> {
    const { db } = on.database;
    const steps = await db
      .selectFrom('step')
      .select(['id', 'holder'])
      .where('runId', '=', run.id)
      .orderBy('id')
      .execute();
    const reviews = await db
      .selectFrom('review')
      .select(['id', 'stepId', 'newestVersionId'])
      .where('runId', '=', run.id)
      .execute();
    const unborn = stepIdOf(run.id, 'act', '7');
    const perStep = [...steps, { id: unborn, holder: null }].flatMap(({ id, holder }): Json[] => {
      const review = reviews.find(({ stepId }) => stepId === id);
      const approved = { status: 'APPROVED', versionId: review?.newestVersionId ?? null };
      return [
        id,
        { stepId: id },
        { step_id: id, placement: 'output', timeout_ms: 1 },
        { stepId: id, holder },
        { stepId: id, holder: null },
        { stepId: id, holder, ...approved },
        { stepId: id, caller: { workflowId: holder, workflowType: GATED_BLOCK_RUN } },
        { runId: run.id, end: { kind: 'failed', stepId: id } },
      ];
    });
    const perRun: Json[] = [
      run.id,
      { runId: run.id },
      { run_id: run.id },
      ...ends.map((end) => ({ runId: run.id, end })),
      {
        runId: run.id,
        caller: { workflowId: run.id, workflowType: WORKFLOW_RUN },
        end: ends[0] ?? null,
      },
    ];
    const garbage: Json[] = [
      null,
      0,
      '',
      'run_',
      "x'; drop table step; --",
      [],
      {},
      [run.id],
      { runId: 'run_nobody', end: ends[0] ?? null },
      'run_nobody_extract',
      { request: null },
      { request: {} },
    ];
    const external = await db
      .selectFrom('externalRun')
      .selectAll()
      .where('runId', '=', run.id)
      .executeTakeFirst();
    const requests: Json[] =
      external === undefined
        ? []
        : ['refund', 'another'].map((key) => ({
            request: {
              workflow_id: external.workflowId,
              workflow_type: external.workflowType,
              first_execution_run_id: external.firstExecutionRunId,
              key,
              owner: 'u_owner',
              policy: {},
              block_type: 'task',
              json_schema: null,
              categories: null,
              snapshot: { forged: true },
              snapshot_ref: null,
            },
          }));
    const args = [...perStep, ...perRun, ...garbage, ...requests];
    return activities.flatMap((activity) => [
      { activity, args: [] },
      ...args.map((arg) => ({ activity, args: [arg] })),
    ]);
  }

  /** Schedules them all, and looks at what that came to: nothing. */
  async function expectNothing(run: RunRow, as?: Impostor): Promise<void> {
    await untilQuiet(run);
    const before = await storedOf(run.id);
    const done = [...executed];
    const all = await callsFor(run);
    const calls = as === undefined ? all : all.filter(isWellFormed);
    const outcomes = await scheduleByHand(on.temporal.connection, on.temporal.taskQueue, calls, as);
    expect(new Set(outcomes.map(({ activity }) => activity))).toEqual(new Set(activities));
    expect(outcomes.filter(tellsSecret)).toEqual([]);
    expect(executed).toEqual(done);
    expect(await storedOf(run.id)).toEqual(before);
  }

  async function approve(review: ReviewRow): Promise<void> {
    expect(await on.vote(review, u1)).toMatchObject({
      kind: 'recorded',
      settled: true,
      review: { status: 'APPROVED' },
    });
  }

  test('is every one that a worker has', () => {
    expect(activities.length).toBeGreaterThanOrEqual(10);
  });

  test.each(CASES)(
    'does nothing to a run that waits at a gate $name, and the real approval completes it',
    async ({ blocks, inputs, approvals, executes }) => {
      const run = await on.run(blocks, inputs);
      const [first, ...others] = approvals;
      if (first === undefined) {
        throw new Error('a case has to be approved');
      }
      const opened = await on.reviewOf(run, ...first);
      for (const place of others) {
        if (place[1] !== undefined) {
          await on.reviewOf(run, ...place);
        }
      }
      const { holder } = await on.step(run, ...first);
      await op.idle(holder ?? '');
      await expectNothing(run);
      // One that takes the name of a gate, or of the run's own workflow, is not Temporal's child of it either.
      const forged = `${opened.stepId}~forged`;
      await expectNothing(run, { workflowId: forged, workflowType: GATED_BLOCK_RUN });
      await expectNothing(run, { workflowId: `${forged}-loop`, workflowType: FOR_EACH_RUN });
      await expectNothing(run, { workflowId: `${run.id}~`, workflowType: WORKFLOW_RUN });

      for (const place of approvals) {
        await approve(await on.reviewOf(run, ...place));
      }
      expect(await on.ended(run)).toMatchObject({ status: 'completed' });
      expect(executed.filter((id) => id.startsWith(run.id)).toSorted()).toEqual(
        executes.map((id) => `${run.id}_${id}`),
      );
      await until('the workflow to end', async () => (await op.status(run.id)) === 'COMPLETED');
    },
  );

  test("does nothing to a review of an author's own workflow, and opens none in its name", async () => {
    const workflow = await author.start('ask', author.options({ secret: SECRET }));
    const { run, review, holder } = await author.reviewOf(workflow);
    await op.idle(holder);
    await expectNothing(run);
    const forged = `${holder}-forged`;
    await expectNothing(run, { workflowId: forged, workflowType: GATED_BLOCK_RUN });
    await approve(review);
    expect(await op.client.workflow.getHandle(workflow.workflowId).result()).toMatchObject({
      approved: true,
      by: 'u1',
      snapshot: { secret: SECRET },
    });
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  });
});

/** Whether a call has the form of the present callers: what is told to one that may ask has an effect. */
function isWellFormed({ args: [arg] }: Call): boolean {
  return typeof arg === 'string' || (typeof arg === 'object' && arg !== null && 'runId' in arg);
}

function tellsSecret({ answer, failure }: CallOutcome): boolean {
  return `${answer ?? ''} ${failure ?? ''}`.includes(SECRET);
}
