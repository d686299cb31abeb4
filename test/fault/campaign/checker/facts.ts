import { Connection, Client as TemporalClient } from '@temporalio/client';
import { z } from 'zod';
import { withDatabase } from '../topology.js';

// What the checker reads: rows as they are, by SQL of its own, and executions as Temporal lists them.

const time = z.date();

const runRow = z.object({
  id: z.string(),
  status: z.string(),
  workflow_id: z.string(),
  owner_id: z.string().nullable(),
  command_id: z.string().nullable(),
  cancelled_by: z.string().nullable(),
  cancel_reason: z.string().nullable(),
  error_message: z.string().nullable(),
  ended_at: time.nullable(),
});
const stepRow = z.object({
  id: z.string(),
  run_id: z.string(),
  block_id: z.string(),
  iteration_key: z.string().nullable(),
  status: z.string(),
  output: z.string().nullable(),
  collected: z.string().nullable(),
  outcome_unknown: z.boolean(),
  error_message: z.string().nullable(),
  ended_at: time.nullable(),
});
const reviewRow = z.object({
  id: z.string(),
  run_id: z.string(),
  step_id: z.string(),
  block_id: z.string(),
  placement: z.string(),
  owner_id: z.string().nullable(),
  status: z.string(),
  seq: z.int(),
  verdict: z.string().nullable(),
  decision_version_id: z.string().nullable(),
  decision_seq: z.int().nullable(),
});
const versionRow = z.object({
  id: z.string(),
  review_id: z.string(),
  ordinal: z.int(),
  author_kind: z.string(),
  author_id: z.string(),
  snapshot: z.string(),
  snapshot_sha256: z.string(),
});
const factRow = z.object({
  id: z.string(),
  review_id: z.string(),
  seq: z.int(),
  kind: z.string(),
  actor_id: z.string(),
  actor_kind: z.string(),
  version_id: z.string().nullable(),
  verdict: z.enum(['approved', 'rejected', 'revoked']).nullable(),
  fills: z.array(z.string()).nullable(),
  forced: z.boolean().nullable(),
  created_at: time,
});

export type RunRow = z.infer<typeof runRow>;
export type StepRow = z.infer<typeof stepRow>;
export type ReviewRow = z.infer<typeof reviewRow>;
export type VersionRow = z.infer<typeof versionRow>;
export type FactRow = z.infer<typeof factRow>;

/** An execution as Temporal knows it. */
export type TemporalExecution = {
  readonly workflowId: string;
  readonly type: string;
  readonly status: string;
};

/** Everything that was stored, at one moment. */
export type Stored = {
  readonly runs: readonly RunRow[];
  readonly steps: readonly StepRow[];
  readonly reviews: readonly ReviewRow[];
  readonly versions: readonly VersionRow[];
  readonly facts: readonly FactRow[];
  /** Messages that nobody delivers any more, in words. */
  readonly undelivered: readonly string[];
  readonly executions: readonly TemporalExecution[];
};

/** Reads the store in one snapshot, and Temporal's list of executions. */
export async function readStored(at: {
  readonly databaseUrl: string;
  readonly temporalAddress: string;
  readonly namespace: string;
}): Promise<Stored> {
  const stored = await withDatabase(at.databaseUrl, async (client) => {
    await client.query('begin transaction isolation level repeatable read read only');
    const all = async <Row>(table: string, row: z.ZodType<Row>): Promise<readonly Row[]> =>
      z.array(row).parse((await client.query(`select * from ${table}`)).rows);
    return {
      runs: await all('run', runRow),
      steps: await all('step', stepRow),
      reviews: await all('review', reviewRow),
      versions: await all('version', versionRow),
      facts: (await all('fact', factRow)).toSorted((a, b) => a.seq - b.seq),
      undelivered: (await all('outbox', outboxRow))
        .filter(({ state }) => state === 'pending' || state === 'failed')
        .map(
          (row) => `${row.kind} of ${row.run_id} is ${row.state} (${row.last_error ?? 'not sent'})`,
        ),
    };
  });
  return { ...stored, executions: await listExecutions(at.temporalAddress, at.namespace) };
}

const outboxRow = z.object({
  run_id: z.string(),
  kind: z.string(),
  state: z.string(),
  last_error: z.string().nullable(),
});

async function listExecutions(
  address: string,
  namespace: string,
): Promise<readonly TemporalExecution[]> {
  const connection = await Connection.connect({ address });
  try {
    const client = new TemporalClient({ connection, namespace });
    const executions: TemporalExecution[] = [];
    for await (const { workflowId, type, status } of client.workflow.list()) {
      executions.push({ workflowId, type, status: status.name });
    }
    return executions;
  } finally {
    await connection.close();
  }
}
