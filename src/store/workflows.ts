import { sql } from 'kysely';
import type { Definition } from '../domain/definition.js';
import { canonicalJson } from '../rules/canonical.js';
import { definitionVersionId } from '../rules/content-ids.js';
import type { Actor } from './actors.js';
import { recordAudit } from './audit.js';
import { type Db, inTransaction } from './database.js';
import { Statement } from './statement.js';
import { readDefinitionText } from './stored-json.js';
import type { WorkflowVersionRow } from './tables.js';

/** A workflow: its id, and the version that new runs are pinned to. */
export type StoredWorkflow = {
  readonly id: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
  readonly current: WorkflowVersionRow;
};

/**
 * Stores a definition under its content: the same content again is the same version.
 *
 * New runs take the version stored last, also when that is an older one stored again.
 *
 * @param weakened the gates that ask for less than in the version before: each goes into the audit
 */
export async function putWorkflow(
  db: Db,
  actor: Actor,
  definition: Definition,
  weakened: (
    before: Definition,
    after: Definition,
  ) => readonly { readonly blockId: string; readonly changes: readonly string[] }[] = () => [],
): Promise<WorkflowVersionRow> {
  const { projectId } = actor;
  const workflowId = definition.workflow_id;
  const id = definitionVersionId(projectId, definition);
  return await inTransaction(db, async (tx) => {
    await sql`select pg_advisory_xact_lock(hashtextextended(${`${projectId}/${workflowId}`}, 0))`.execute(
      tx,
    );
    const before = await tx
      .selectFrom('workflow')
      .innerJoin('workflowVersion', 'workflowVersion.id', 'workflow.currentVersionId')
      .where('workflow.projectId', '=', projectId)
      .where('workflow.id', '=', workflowId)
      .select('workflowVersion.definition')
      .executeTakeFirst();
    // Not counted: somebody's reviews may have made hundreds of thousands of versions.
    const latest = await tx
      .selectFrom('workflowVersion')
      .where('projectId', '=', projectId)
      .where('workflowId', '=', workflowId)
      .orderBy('ordinal', 'desc')
      .limit(1)
      .select('ordinal')
      .executeTakeFirst();
    const inserted = await tx
      .insertInto('workflowVersion')
      .values({
        id,
        projectId,
        workflowId,
        ordinal: (latest?.ordinal ?? 0) + 1,
        definition: canonicalJson(definition),
        createdBy: actor.id,
      })
      .onConflict((conflict) => conflict.column('id').doNothing())
      .returningAll()
      .executeTakeFirst();
    await tx
      .insertInto('workflow')
      .values({ projectId, id: workflowId, currentVersionId: id })
      .onConflict((conflict) =>
        conflict
          .columns(['projectId', 'id'])
          .doUpdateSet({ currentVersionId: id, updatedAt: sql`clock_timestamp()` }),
      )
      .execute();
    if (inserted !== undefined) {
      await recordAudit(tx, actor, 'workflow_version_stored', {
        detail: { workflow_id: workflowId, version_id: id, ordinal: inserted.ordinal },
      });
    }
    for (const { blockId, changes } of before === undefined
      ? []
      : weakened(readDefinition(before), definition)) {
      await recordAudit(tx, actor, 'gate_weakened', {
        detail: { workflow_id: workflowId, version_id: id, block_id: blockId, changes },
      });
    }
    return (
      inserted ??
      (await tx
        .selectFrom('workflowVersion')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirstOrThrow())
    );
  });
}

/** Lists the workflows of a project by id, each with its current version. */
export async function listWorkflows(db: Db, projectId: string): Promise<readonly StoredWorkflow[]> {
  const workflows = await db
    .selectFrom('workflow')
    .selectAll()
    .where('projectId', '=', projectId)
    .orderBy('id')
    .execute();
  const ids = workflows.map(({ currentVersionId }) => currentVersionId);
  const versions =
    ids.length === 0
      ? []
      : await db.selectFrom('workflowVersion').selectAll().where('id', 'in', ids).execute();
  const byId = new Map(versions.map((version) => [version.id, version]));
  return workflows.flatMap(({ id, createdAt, updatedAt, currentVersionId }) => {
    const current = byId.get(currentVersionId);
    return current === undefined ? [] : [{ id, createdAt, updatedAt, current }];
  });
}

/** The names of several workflows as their current versions have them; one without a name is not among them. */
export async function readWorkflowNames(
  db: Db,
  projectId: string,
  workflowIds: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await sql<{ id: string; name: string }>`
    select workflow.id, version.definition::json->>'name' as name
      from workflow join workflow_version version on version.id = workflow.current_version_id
     where workflow.project_id = ${projectId} and workflow.id = any(${[...new Set(workflowIds)]})
       and version.definition::json->>'name' is not null`.execute(db);
  return new Map(rows.map(({ id, name }) => [id, name]));
}

/** Finds a workflow with its current version. */
export async function findWorkflow(
  db: Db,
  projectId: string,
  workflowId: string,
): Promise<StoredWorkflow | null> {
  const found = await currentVersion.first(db, { projectId, workflowId });
  if (found === null) {
    return null;
  }
  const { workflowCreatedAt, workflowUpdatedAt, ...current } = found;
  return {
    id: current.workflowId,
    createdAt: workflowCreatedAt,
    updatedAt: workflowUpdatedAt,
    current,
  };
}

const currentVersion = new Statement(
  (db, { projectId, workflowId }: { readonly projectId: string; readonly workflowId: string }) =>
    db
      .selectFrom('workflow')
      .innerJoin('workflowVersion', 'workflowVersion.id', 'workflow.currentVersionId')
      .where('workflow.projectId', '=', projectId)
      .where('workflow.id', '=', workflowId)
      .selectAll('workflowVersion')
      .select([
        'workflow.createdAt as workflowCreatedAt',
        'workflow.updatedAt as workflowUpdatedAt',
      ]),
);

/** Lists the versions of a workflow in the order in which they were first stored. */
export async function listWorkflowVersions(
  db: Db,
  projectId: string,
  workflowId: string,
): Promise<readonly WorkflowVersionRow[]> {
  return await db
    .selectFrom('workflowVersion')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('workflowId', '=', workflowId)
    .orderBy('ordinal')
    .execute();
}

/** Finds one version of a workflow. */
export async function findWorkflowVersion(
  db: Db,
  projectId: string,
  workflowId: string,
  versionId: string,
): Promise<WorkflowVersionRow | null> {
  const row = await db
    .selectFrom('workflowVersion')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('workflowId', '=', workflowId)
    .where('id', '=', versionId)
    .executeTakeFirst();
  return row ?? null;
}

/** Reads a stored definition back; what is stored was checked when it was declared. */
export function readDefinition(version: Pick<WorkflowVersionRow, 'definition'>): Definition {
  return readDefinitionText(version.definition);
}
