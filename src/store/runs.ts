import { type Expression, type Insertable, sql, type SqlBool } from 'kysely';
import type { Definition } from '../domain/definition.js';
import type { JsonObject } from '../domain/json.js';
import { planOf, type RunOrder } from '../domain/orders.js';
import { hasEnded, RUN_STATUSES, type RunStatus } from '../domain/statuses.js';
import { canonicalJson } from '../rules/canonical.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction, type Tx, violatedConstraint } from './database.js';
import { newId } from './ids.js';
import { type LeasedMessage, oweMessage } from './outbox.js';
import { type Page, type PageRequest, readPage } from './paging.js';
import { createSteps, getDefinition } from './steps.js';
import { Statement } from './statement.js';
import { SignedOutError } from './voter.js';
import type { RunRow, Tables, WorkflowVersionRow } from './tables.js';

/** What a run is started with. */
export type RunRequest = {
  readonly version: WorkflowVersionRow;
  readonly inputs: JsonObject;
  readonly metadata: JsonObject | null;
  /** The person on whose behalf it runs; null when a service runs it on its own. */
  readonly ownerId: string | null;
  readonly commandId: string | null;
  readonly trigger: string;
};

/** A run that was asked for: new, or the one that the same command id started before. */
export type StartedRun = {
  readonly run: RunRow;
  readonly isNew: boolean;
  readonly lease: LeasedMessage | null;
};

/**
 * Writes a run with its steps and owes its start, in one transaction. The same command id gives the same run.
 *
 * @param leaseMs how long the caller alone may deliver the start (0: leave it to the senders)
 * @param admit looks in the same transaction whether the caller may still act
 * @throws SignedOutError when `admit` says no
 */
export async function createRun(
  db: Db,
  actor: Actor,
  request: RunRequest,
  leaseMs: number,
  admit: (tx: Tx) => Promise<boolean> = () => Promise.resolve(true),
): Promise<StartedRun> {
  const { projectId } = actor;
  try {
    const { started } = await inTransaction(db, async (tx) => {
      const [isAdmitted, known] = await Promise.all([
        admit(tx),
        findRunByCommand(tx, projectId, request.commandId),
      ]);
      if (!isAdmitted) {
        throw new SignedOutError();
      }
      if (known !== null) {
        return { started: { run: known, isNew: false, lease: null } };
      }
      const definition = await getDefinition(tx, request.version.id);
      const inserted = insertRun(tx, actor, request, definition, leaseMs);
      tx.withCommit(inserted);
      return { started: inserted };
    });
    return await started;
  } catch (error) {
    // Somebody else sent the same command at the same moment: theirs is the first answer.
    const winner =
      violatedConstraint(error) === 'run_project_id_command_id_key'
        ? await findRunByCommand(db, projectId, request.commandId)
        : null;
    if (winner === null) {
      throw error;
    }
    return { run: winner, isNew: false, lease: null };
  }
}

async function insertRun(
  tx: Tx,
  actor: Actor,
  request: RunRequest,
  definition: Definition,
  leaseMs: number,
): Promise<StartedRun> {
  const { projectId } = actor;
  const { version } = request;
  const named = { id: newId('run'), projectId, workflowId: version.workflowId };
  const [run, , , lease] = await Promise.all([
    insertRow.one(tx, {
      ...named,
      kind: 'workflow',
      workflowVersionId: version.id,
      ownerId: request.ownerId,
      startedBy: actor.id,
      inputs: canonicalJson(request.inputs),
      metadata: request.metadata === null ? null : JSON.stringify(request.metadata),
      commandId: request.commandId,
      trigger: request.trigger,
    }),
    createSteps(tx, named, definition),
    recordAudit(tx, actor, 'run_started', {
      runId: named.id,
      detail: { workflow_id: named.workflowId, owner_id: request.ownerId },
    }),
    oweMessage(tx, { projectId, runId: named.id, kind: 'start', workflowId: named.id }, leaseMs),
  ]);
  return { run, isNew: true, lease };
}

/** Finds the run that a command id started; null for no command id. */
export async function findRunByCommand(
  db: Db | Tx,
  projectId: string,
  commandId: string | null,
): Promise<RunRow | null> {
  if (commandId === null) {
    return null;
  }
  const row = await db
    .selectFrom('run')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('commandId', '=', commandId)
    .executeTakeFirst();
  return row ?? null;
}

/** Finds a run of a project. */
export async function findRun(db: Db, projectId: string, id: string): Promise<RunRow | null> {
  const row = await db
    .selectFrom('run')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}

/** Reads a run that is known to exist. */
export async function getRun(db: Db | Tx, id: string): Promise<RunRow> {
  return await db.selectFrom('run').selectAll().where('id', '=', id).executeTakeFirstOrThrow();
}

/** Locks a run; whoever changes anything about a run or its reviews does so first. */
export async function lockRun(tx: Tx, id: string): Promise<RunRow> {
  return await lockRow.one(tx, { id });
}

const insertRow = new Statement((db, run: Insertable<Tables['run']>) =>
  db.insertInto('run').values(run).returningAll(),
);

const lockRow = new Statement((db, { id }: { readonly id: string }) =>
  db.selectFrom('run').selectAll().where('id', '=', id).forNoKeyUpdate(),
);

/** The blocks at which each of these runs waits for people. */
export async function waitingBlocks(
  db: Db,
  runIds: readonly string[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  if (runIds.length === 0) {
    return new Map();
  }
  const rows = await db
    .selectFrom('review')
    .select(['runId', 'blockId'])
    .distinct()
    .where('runId', 'in', [...runIds])
    .where(isWaitingForPeople)
    .orderBy('blockId')
    .execute();
  const waiting = new Map<string, string[]>();
  for (const { runId, blockId } of rows) {
    waiting.set(runId, [...(waiting.get(runId) ?? []), blockId]);
  }
  return waiting;
}

/** A review that people still have to move: undecided, or approved and to be released by hand. */
const isWaitingForPeople = sql<SqlBool>`(review.status = 'PENDING'
  or (review.status = 'APPROVED' and review.policy->>'release' = 'manual'))`;

/** What a list of runs can be narrowed by; `awaiting_review` is a running run with an open review. */
export type RunFilter = {
  readonly workflowId: string | null;
  readonly statuses: readonly (RunStatus | 'awaiting_review')[];
  readonly excludedStatuses: readonly (RunStatus | 'awaiting_review')[];
  readonly trigger: string | null;
  readonly from: Date | null;
  readonly to: Date | null;
  readonly search: string | null;
  readonly metadata: JsonObject | null;
};

/** Lists runs by (created_at, id). */
export async function listRuns(
  db: Db,
  projectId: string,
  filter: RunFilter,
  page: PageRequest,
): Promise<Page<RunRow>> {
  const condition = runCondition(filter);
  return await readPage(
    page,
    (id) => findRun(db, projectId, id),
    (position, direction, limit) =>
      db
        .selectFrom('run')
        .selectAll()
        .where('projectId', '=', projectId)
        .where(condition)
        .where(position)
        .orderBy('createdAt', direction)
        .orderBy('id', direction)
        .limit(limit)
        .execute(),
  );
}

function runCondition(filter: RunFilter): Expression<SqlBool> {
  const parts: Expression<SqlBool>[] = [sql<SqlBool>`true`];
  if (filter.workflowId !== null) {
    parts.push(sql<SqlBool>`run.workflow_id = ${filter.workflowId}`);
  }
  if (filter.statuses.length > 0 || filter.excludedStatuses.length > 0) {
    parts.push(statusCondition(filter));
  }
  if (filter.trigger !== null) {
    parts.push(sql<SqlBool>`run.trigger = ${filter.trigger}`);
  }
  if (filter.from !== null) {
    parts.push(sql<SqlBool>`run.created_at >= ${filter.from}`);
  }
  if (filter.to !== null) {
    parts.push(sql<SqlBool>`run.created_at <= ${filter.to}`);
  }
  if (filter.search !== null) {
    const pattern = `%${filter.search.replaceAll(/[\\%_]/g, String.raw`\$&`)}%`;
    parts.push(sql<SqlBool>`(run.id ilike ${pattern} or run.workflow_id ilike ${pattern})`);
  }
  if (filter.metadata !== null) {
    parts.push(sql<SqlBool>`run.metadata @> ${JSON.stringify(filter.metadata)}::jsonb`);
  }
  return sql<SqlBool>`${sql.join(parts, sql` and `)}`;
}

/**
 * Something in a run is being executed, or was released to be: a cancellation does not stop it.
 *
 * A cancellation that is durable shows as cancelled, whether workflows have obeyed it or not yet; but
 * while something is executed the run shows as running.
 */
const isExecuting = sql<SqlBool>`(
  exists (select 1 from review where review.run_id = run.id and review.status = 'PROCESSING')
  or exists (select 1 from step where step.run_id = run.id and step.status = 'running'
              and step.attempt_token is not null and step.output is null))`;

const lifecycleSql = sql<string>`(case
  when run.status = 'running' and exists (
    select 1 from review where review.run_id = run.id and ${isWaitingForPeople})
  then 'awaiting_review'
  when run.status = 'cancelling'
  then case when ${isExecuting} then 'running' else 'cancelled' end
  else run.status end)`;

/**
 * Whether a run shows one of the statuses that are asked for. What is stored is compared first, as the
 * index has it: only what that leaves is looked into.
 */
function statusCondition({
  statuses,
  excludedStatuses,
}: Pick<RunFilter, 'statuses' | 'excludedStatuses'>): Expression<SqlBool> {
  const asked = statuses.length > 0 ? statuses : SHOWN_STATUSES;
  const wanted = asked.filter((status) => !excludedStatuses.includes(status));
  const [only, ...others] = [...new Set(wanted.flatMap(storedAs))];
  const isStored =
    only !== undefined && others.length === 0
      ? sql<SqlBool>`run.status = ${only}`
      : sql<SqlBool>`run.status = any(${[...(only === undefined ? [] : [only]), ...others]}::text[])`;
  return wanted.some((status) => storedAs(status).some((stored) => MANY_SIDED.has(stored)))
    ? sql<SqlBool>`(${isStored} and ${lifecycleSql} = any(${wanted}::text[]))`
    : isStored;
}

/** The stored statuses of runs that may show a status. */
function storedAs(status: RunStatus | 'awaiting_review'): readonly RunStatus[] {
  switch (status) {
    case 'awaiting_review':
      return ['running'];
    case 'running':
      return ['running', 'cancelling'];
    case 'cancelled':
      return ['cancelled', 'cancelling'];
    default:
      return [status];
  }
}

/** Stored statuses that show as one of several. */
const MANY_SIDED: ReadonlySet<RunStatus> = new Set(['running', 'cancelling']);
const SHOWN_STATUSES = [...RUN_STATUSES, 'awaiting_review'] as const;

/** Which of some runs that are being cancelled execute something that has to come to its end first. */
export async function listExecuting(
  db: Db,
  runIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (runIds.length === 0) {
    return new Set();
  }
  const rows = await db
    .selectFrom('run')
    .select('id')
    .where('id', 'in', [...runIds])
    .where(isExecuting)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** What it takes to start the workflow of a run by its pinned definition: its plan, and no content. */
export async function runOrderOf(
  db: Db,
  run: Pick<LeasedMessage, 'runId' | 'workflowVersionId'>,
): Promise<RunOrder> {
  const { workflow_id, blocks } = await getDefinition(db, run.workflowVersionId);
  return { run_id: run.runId, workflow_id, blocks: blocks.map(planOf) };
}

/** Whether a run is under way and no start of its workflow is owed: its workflow should be there. */
export async function waitsForWorkflow(db: Db, runId: string): Promise<boolean> {
  const row = await db
    .selectFrom('run')
    .select('id')
    .where('id', '=', runId)
    .where('status', '=', 'running')
    .where((eb) =>
      eb.not(
        eb.exists(
          eb
            .selectFrom('outbox')
            .select('outbox.id')
            .where('outbox.runId', '=', runId)
            .where('outbox.kind', 'in', ['start', 'restart'])
            .where('outbox.state', '=', 'pending'),
        ),
      ),
    )
    .executeTakeFirst();
  return row !== undefined;
}

/** Whether a run will do nothing more. */
export function isEnded(run: Pick<RunRow, 'status'>): boolean {
  return hasEnded(run.status);
}
