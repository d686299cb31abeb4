import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import { SYSTEM } from '../../src/store/actors.js';
import { listAudit } from '../../src/store/audit.js';
import type { Db } from '../../src/store/database.js';
import { listStuckMessages, listUnknownOutcomes } from '../../src/store/drift.js';
import {
  countInbox,
  EVERYTHING,
  INBOX_VIEWS,
  type InboxFilter,
  listInbox,
  readFacets,
  SEARCHED_AT_MOST,
} from '../../src/store/inbox.js';
import {
  leaseDueMessages,
  nextDueInMs,
  readBacklog,
  resumeOf,
  resumesOf,
} from '../../src/store/outbox.js';
import { DECISION_STATUSES, listReviews, type ReviewFilter } from '../../src/store/reviews.js';
import { listRuns, type RunFilter } from '../../src/store/runs.js';
import { putWorkflow } from '../../src/store/workflows.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aDefinition, aParkedGate, person } from '../support/parked.js';
import { openRecorder, type Recorder } from '../support/plans.js';

/** What a store holds after years; every thousandth review is open. */
const COUNT = 400_000;
const PROJECT = 'prj_default';
const BIG = ['run', 'step', 'review', 'audit', 'fact', 'workflow_version'];

let database: TestDatabase;
/** The same store, which keeps the statements that are sent. */
let recorder: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  recorder = openRecorder(database.url);
  await fill(database.db);
}, 240_000);
afterAll(async () => {
  await recorder.db.destroy();
  await database.drop();
});

/** Copies one parked gate, and builds the indexes afterwards, which takes a fraction of the time. */
async function fill(db: Db): Promise<void> {
  const { run, review, stepId } = await aParkedGate(db, { groups: [{ group: 'g1', required: 1 }] });
  const filled = ['run', 'step', 'review', 'audit', 'fact', 'workflow_version'];
  await db.connection().execute(async (connection) => {
    await sql`set session_replication_role = replica`.execute(connection);
    const { rows: indexes } = await sql<{ name: string; definition: string }>`
      select indexname as name, indexdef as definition from pg_indexes
       where schemaname = 'public' and tablename = any(${filled})
         and not exists (select 1 from pg_constraint where conname = indexname)`.execute(
      connection,
    );
    for (const { name } of indexes) {
      await sql`drop index ${sql.id(name)}`.execute(connection);
    }
    const statements = [
      sql`insert into run (id, project_id, kind, workflow_id, workflow_version_id, started_by, status, inputs, created_at)
        select 'run_z' || i, project_id, kind, 'wf' || i % 500, workflow_version_id, started_by,
               case when i % 1000 = 0 then 'running' else 'completed' end, '{}', now() - i * interval '1 s'
          from run, generate_series(1, ${COUNT}::int) i where id = ${run.id}`,
      sql`insert into step (id, project_id, run_id, workflow_id, block_id, block_type, position, status, created_at, ended_at)
        select 'run_z' || i || '_extract', project_id, 'run_z' || i, 'wf' || i % 500, block_id, block_type, 0,
               case when i % 1000 = 0 then 'awaiting_review' else 'completed' end, now() - i * interval '1 s', now()
          from step, generate_series(1, ${COUNT}::int) i where id = ${stepId}`,
      sql`insert into review (id, project_id, run_id, step_id, workflow_id, workflow_version_id, block_id, block_type,
                              placement, gate, policy, triggered_by, because, newest_version_id, status, created_at, verdict)
        select 'rev_z' || i, project_id, 'run_z' || i, 'run_z' || i || '_extract', 'wf' || i % 500,
               workflow_version_id, block_id, block_type, placement, gate, policy, triggered_by, because,
               newest_version_id, case when i % 1000 = 0 then 'PENDING' else 'EXECUTED' end,
               now() - i * interval '1 s', case when i % 1000 = 0 then null else 'approved' end
          from review, generate_series(1, ${COUNT}::int) i where id = ${review.id}`,
      sql`insert into audit (project_id, action, actor_id, run_id, review_id)
        select ${PROJECT}, 'decision_made', 'u' || i % 50, 'run_z' || i / 2, 'rev_z' || i / 2
          from generate_series(2, ${COUNT}::int) i`,
      sql`insert into fact (review_id, seq, project_id, id, kind, actor_id, actor_kind, actor_name, version_id,
                            verdict, fills, forced, dialect)
        select 'rev_z' || i, 1, ${PROJECT}, 'fct_z' || i, 'vote', 'u' || i % 50, 'person', 'Somebody',
               ${review.newestVersionId}, 'approved', '{}', false, 'native'
          from generate_series(1, ${COUNT}::int) i where i % 1000 <> 0`,
      sql`insert into workflow_version (id, project_id, workflow_id, ordinal, definition, created_by)
        select 'wfv_z' || i, ${PROJECT}, 'much_declared', i, '{}', 'u1' from generate_series(1, 50000) i`,
    ];
    for (const statement of statements) {
      await statement.execute(connection);
    }
    for (const { definition } of indexes) {
      await sql.raw(definition).execute(connection);
    }
    await sql`reset session_replication_role`.execute(connection);
    await sql`vacuum (analyze)`.execute(connection);
  });
}

const numberAt = (node: JsonObject, key: string): number => Number(node[key] ?? 0);

/** The most rows that a step of any statement of `work` read; a scan of all of a big table is named. */
async function readBy(
  work: (db: Db) => Promise<unknown>,
): Promise<{ readonly rows: number; readonly scans: readonly string[] }> {
  recorder.sent = [];
  await work(recorder.db);
  const selects = recorder.sent.filter(({ sql: text }) => /^\s*(?:select|with)/i.test(text));
  let rows = 0;
  const scans: string[] = [];
  for (const { sql: text, parameters } of selects) {
    for (const node of await recorder.explain('analyze, timing off', text, parameters)) {
      const relation = BIG.find((table) => table === node['Relation Name']);
      if (node['Node Type'] === 'Seq Scan' && relation !== undefined) {
        scans.push(`Seq Scan on ${relation} by ${text.slice(0, 80)}`);
      }
      const read =
        (numberAt(node, 'Actual Rows') +
          numberAt(node, 'Rows Removed by Filter') +
          numberAt(node, 'Rows Removed by Index Recheck')) *
        numberAt(node, 'Actual Loops');
      rows = Math.max(rows, read);
    }
  }
  expect(selects).not.toEqual([]);
  return { rows, scans };
}

const newest = { order: 'desc', before: null, after: null, limit: 20 } as const;
const due = { ...newest, order: 'due' } as const;
const me = person('u_me', 'g1');
const runs = (about: Partial<RunFilter>) => (db: Db) =>
  listRuns(
    db,
    PROJECT,
    {
      workflowId: null,
      statuses: [],
      excludedStatuses: [],
      trigger: null,
      from: null,
      to: null,
      search: null,
      metadata: null,
      ...about,
    },
    newest,
  );
const reviews = (about: Partial<ReviewFilter>) => (db: Db) =>
  listReviews(
    db,
    PROJECT,
    {
      workflowId: null,
      runId: null,
      blockId: null,
      stepId: null,
      iterationKey: null,
      decisionStatus: 'all',
      ...about,
    },
    newest,
  );
const inbox = (about: Partial<InboxFilter>) => (db: Db) =>
  listInbox(db, me, 'all', { ...EVERYTHING, ...about }, newest);

/** What may be read to answer: pages of 20, and the few hundred that are open. */
const FEW = 2_000;
const NO_HIT: InboxFilter = { ...EVERYTHING, search: ['zebra'] };

test.each<[string, number, (db: Db) => Promise<unknown>]>([
  ['what is due', FEW, (db) => nextDueInMs(db)],
  ['what is leased', FEW, (db) => leaseDueMessages(db, { limit: 50, leaseMs: 1_000 })],
  ['the backlog', FEW, (db) => readBacklog(db)],
  ['messages that are stuck', FEW, (db) => listStuckMessages(db, 120_000, 200)],
  ['what became of telling of a vote', FEW, (db) => resumeOf(db, 'rev_z7')],
  ['the same for a page', FEW, (db) => resumesOf(db, ['rev_z7', 'rev_z8', 'rev_z9'])],
  ['unknown outcomes', FEW, (db) => listUnknownOutcomes(db, 200)],
  [
    'the audit of a run',
    FEW,
    (db) =>
      listAudit(db, PROJECT, { runId: 'run_z399', reviewId: null, afterId: null, limit: 100 }),
  ],
  [
    'the audit of a run that is not there',
    FEW,
    (db) => listAudit(db, PROJECT, { runId: 'none', reviewId: null, afterId: null, limit: 100 }),
  ],
  ['runs', FEW, runs({})],
  ['runs of a workflow', FEW, runs({ workflowId: 'wf77' })],
  ['runs of a workflow without any', FEW, runs({ workflowId: 'none' })],
  ['runs in error, of which there are none', FEW, runs({ statuses: ['error'] })],
  ['runs of two statuses without any', FEW, runs({ statuses: ['error', 'cancelled'] })],
  ['runs that run and wait for nobody', FEW, runs({ statuses: ['running'] })],
  ['runs that wait for people', FEW, runs({ statuses: ['awaiting_review'] })],
  ['runs that have not completed', FEW, runs({ excludedStatuses: ['completed'] })],
  ...DECISION_STATUSES.map((decisionStatus): [string, number, (db: Db) => Promise<unknown>] => [
    `reviews that are ${decisionStatus}`,
    FEW,
    reviews({ decisionStatus }),
  ]),
  ['reviews of a workflow', FEW, reviews({ workflowId: 'wf77' })],
  ['reviews of a workflow without any', FEW, reviews({ workflowId: 'none' })],
  ['reviews of a run', FEW, reviews({ runId: 'run_z77' })],
  ['the inbox of a status without any', FEW, inbox({ statuses: ['REJECTED'] })],
  ['the inbox of two statuses without any', FEW, inbox({ statuses: ['REJECTED', 'REVOKED'] })],
  ['the inbox of a workflow without any', FEW, inbox({ workflowId: 'none' })],
  ['what waits, by when it is due', FEW, (db) => listInbox(db, me, 'waiting', EVERYTHING, due)],
  [
    'what somebody who never voted decided',
    FEW,
    (db) => listInbox(db, me, 'decided_by_me', EVERYTHING, newest),
  ],
  ['facets', FEW, (db) => readFacets(db, PROJECT)],
  ['counts of the inbox', SEARCHED_AT_MOST, (db) => countInbox(db, me, EVERYTHING)],
  ['counts of a search without a hit', SEARCHED_AT_MOST + FEW, (db) => countInbox(db, me, NO_HIT)],
  ...INBOX_VIEWS.map((view): [string, number, (db: Db) => Promise<unknown>] => [
    `a search without a hit in ${view}`,
    SEARCHED_AT_MOST + FEW,
    (db) => listInbox(db, me, view, NO_HIT, newest),
  ]),
  [
    'the ordinal of a further version of a definition',
    FEW,
    (db) => putWorkflow(db, SYSTEM, aDefinition([aBlock('only')], 'much_declared')),
  ],
])('with many reviews no big table is read through for %s', async (_, atMost, work) => {
  const { rows, scans } = await readBy(work);
  expect(scans).toEqual([]);
  expect(rows).toBeLessThanOrEqual(atMost);
});
