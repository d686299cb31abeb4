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
  attempt_token: z.string().nullable(),
  /** When its latest attempt began, or gave its latest sign of life. */
  alive_at: time.nullable(),
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
  released_at: time.nullable(),
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
  kind: z.enum(['vote', 'withdrawn', 'reassigned', 'release_requested', 'cancelled']),
  actor_id: z.string(),
  actor_kind: z.string(),
  version_id: z.string().nullable(),
  verdict: z.enum(['approved', 'rejected', 'revoked']).nullable(),
  fills: z.array(z.string()).nullable(),
  forced: z.boolean().nullable(),
  /** Whether the workflow that waits had to be told. */
  owed: z.boolean(),
  entry_key: z.string().nullable(),
  to_kind: z.enum(['group', 'reviewer']).nullable(),
  to_subject: z.string().nullable(),
  created_at: time,
});

const holderRow = z.object({ step_id: z.string(), workflow_id: z.string() });

const messageRow = z.object({
  run_id: z.string(),
  kind: z.string(),
  state: z.string(),
  last_error: z.string().nullable(),
});

export type MessageRow = z.infer<typeof messageRow>;
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
  /** When all of it was read, in milliseconds since 1970. */
  readonly readAt: number;
  readonly runs: readonly RunRow[];
  readonly steps: readonly StepRow[];
  readonly reviews: readonly ReviewRow[];
  readonly versions: readonly VersionRow[];
  readonly facts: readonly FactRow[];
  /** Messages that have not arrived. */
  readonly undelivered: readonly MessageRow[];
  /** The workflows that hold a step, or have held it. */
  readonly holders: readonly Holder[];
  readonly executions: readonly TemporalExecution[];
};

/** A workflow that may, or might once, act for a step. */
export type Holder = z.infer<typeof holderRow>;

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
      holders: [
        ...(await all('replaced_holder', holderRow)),
        ...(await all('step', z.object({ id: z.string(), holder: z.string().nullable() }))).flatMap(
          ({ id, holder }) => (holder === null ? [] : [{ step_id: id, workflow_id: holder }]),
        ),
      ],
      // What has arrived is not kept: all that is there is owed still, or was given up.
      undelivered: await all('outbox', messageRow),
    };
  });
  const executions = await listExecutions(at.temporalAddress, at.namespace);
  return { ...stored, readAt: Date.now(), executions };
}

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
