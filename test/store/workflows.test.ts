import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/rules/canonical.js';
import { SYSTEM } from '../../src/store/actors.js';
import { getDefinition } from '../../src/store/steps.js';
import {
  findWorkflow,
  findWorkflowVersion,
  listWorkflows,
  listWorkflowVersions,
  putWorkflow,
  readDefinition,
} from '../../src/store/workflows.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aBlock, aDefinition, aGate, aRun, person } from '../support/parked.js';

const PROJECT = 'prj_default';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
  await database.db.insertInto('project').values({ id: 'prj_two', name: 'Two' }).execute();
});
afterAll(() => database.drop());

const simple = (id: string) => aDefinition([aBlock('only')], id);
const gated = (id: string) => aDefinition([aBlock('only', { review: aGate() })], id);

describe('putWorkflow', () => {
  test('stores a definition under its content: the same again is the same version, first author and time kept', async () => {
    const { db } = database;
    const first = await putWorkflow(db, person('u_ann'), simple('invoices'));
    expect(first).toMatchObject({
      id: expect.stringMatching(/^wfv_[A-Z2-7]{26}$/) as unknown,
      projectId: PROJECT,
      workflowId: 'invoices',
      ordinal: 1,
      createdBy: 'u_ann',
      definition: canonicalJson(simple('invoices')),
    });
    expect(await putWorkflow(db, person('u_bob'), simple('invoices'))).toEqual(first);
    expect(readDefinition(first)).toEqual(simple('invoices'));
    expect(await listWorkflowVersions(db, PROJECT, 'invoices')).toEqual([first]);
  });

  test('numbers other content as another version, and new runs take the one stored last, be it an old one', async () => {
    const { db } = database;
    const first = await putWorkflow(db, SYSTEM, simple('orders'));
    const second = await putWorkflow(db, SYSTEM, gated('orders'));
    expect([first.ordinal, second.ordinal]).toEqual([1, 2]);
    expect(await findWorkflow(db, PROJECT, 'orders')).toMatchObject({ current: second });
    expect(await putWorkflow(db, SYSTEM, simple('orders'))).toEqual(first);
    const workflow = await findWorkflow(db, PROJECT, 'orders');
    expect(workflow).toMatchObject({ id: 'orders', current: first });
    expect(await listWorkflowVersions(db, PROJECT, 'orders')).toEqual([first, second]);
    expect(await findWorkflowVersion(db, PROJECT, 'orders', second.id)).toEqual(second);
    expect(await findWorkflowVersion(db, PROJECT, 'invoices', second.id)).toBeNull();
  });

  test('by twenty at once gives one version for the same content, and densely numbered ones for others', async () => {
    const { db } = database;
    const same = await Promise.all(
      Array.from({ length: 20 }, () => putWorkflow(db, SYSTEM, simple('same'))),
    );
    expect(new Set(same.map((one) => JSON.stringify(one))).size).toBe(1);
    const others = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        putWorkflow(db, SYSTEM, { ...simple('others'), name: `N${n}` }),
      ),
    );
    expect(others.map(({ ordinal }) => ordinal).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, n) => n + 1),
    );
    const versions = await listWorkflowVersions(db, PROJECT, 'others');
    expect(versions).toHaveLength(20);
    const current = (await findWorkflow(db, PROJECT, 'others'))?.current.id;
    expect(versions.map(({ id }) => id)).toContain(current);
  });

  test('keeps the workflows of two projects apart, ids of versions included', async () => {
    const { db } = database;
    const here = await putWorkflow(db, SYSTEM, simple('shared'));
    const there = await putWorkflow(db, { ...SYSTEM, projectId: 'prj_two' }, simple('shared'));
    expect(there.id).not.toBe(here.id);
    expect(await listWorkflows(db, 'prj_two')).toMatchObject([{ id: 'shared', current: there }]);
    expect(await findWorkflowVersion(db, 'prj_two', 'shared', here.id)).toBeNull();
    expect(await findWorkflow(db, 'prj_two', 'invoices')).toBeNull();
  });

  test('leaves a line in the audit for every new version, and none for a repeat', async () => {
    const { db } = database;
    const version = await putWorkflow(db, person('u_ann'), simple('audited'));
    await putWorkflow(db, person('u_bob'), simple('audited'));
    const lines = await db
      .selectFrom('audit')
      .selectAll()
      .where('action', '=', 'workflow_version_stored')
      .execute();
    expect(lines.filter(({ detail }) => JSON.stringify(detail).includes('audited'))).toMatchObject([
      {
        actorId: 'u_ann',
        detail: { workflow_id: 'audited', version_id: version.id, ordinal: 1 },
      },
    ]);
  });
});

describe('a run', () => {
  test('stays with the version it was started with', async () => {
    const { db } = database;
    const run = await aRun(db, [aBlock('only')]);
    const { workflowId, workflowVersionId } = run;
    await putWorkflow(db, SYSTEM, gated(workflowId));
    expect(await getDefinition(db, workflowVersionId)).toEqual(simple(workflowId));
  });
});

describe('listWorkflows', () => {
  test('gives the workflows of a project by id, each with its current version', async () => {
    const { db } = database;
    const workflows = await listWorkflows(db, PROJECT);
    const ids = workflows.map(({ id }) => id);
    expect(ids).toEqual(ids.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(ids).toContain('invoices');
    for (const { id, current } of workflows) {
      expect(current.workflowId).toBe(id);
    }
    expect(await listWorkflows(db, 'prj_none')).toEqual([]);
  });
});
