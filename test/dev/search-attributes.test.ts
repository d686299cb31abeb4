import { randomUUID } from 'node:crypto';
import { Client, type Connection, type ConnectionLike } from '@temporalio/client';
import { msToTs } from '@temporalio/common/lib/time.js';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import {
  ensureSearchAttributes,
  SearchAttributeConflictError,
} from '../../src/delivery/search-attributes.js';
import { connectToTemporal } from '../support/temporal.js';

const NAMES = ['CountersignWorkflow', 'CountersignRun', 'CountersignBlock'];
const INT = 3;

let connection: Connection;
beforeAll(() => {
  connection = connectToTemporal(inject('temporalAddress'));
});
afterAll(async () => {
  await connection.close();
});

describe('ensureSearchAttributes', () => {
  test('registers what is missing, once, also when two do it at the same time', async () => {
    const namespace = await newNamespace();
    const reports = await Promise.all([
      ensureSearchAttributes(connection, namespace),
      ensureSearchAttributes(connection, namespace),
    ]);
    const added = reports.flatMap((report) => (report.outcome === 'ready' ? report.added : []));
    expect([...new Set(added)]).toEqual(NAMES);
    expect(await ensureSearchAttributes(connection, namespace)).toEqual({
      outcome: 'ready',
      added: [],
    });
    const client = new Client({ connection, namespace });
    expect((await client.workflow.count("CountersignBlock = 'x'")).count).toBe(0);
  });

  test('refuses a name that is taken by another type, and changes nothing', async () => {
    const namespace = await newNamespace();
    await connection.operatorService.addSearchAttributes({
      namespace,
      searchAttributes: { CountersignRun: INT },
    });
    const ensuring = ensureSearchAttributes(connection, namespace);
    await expect(ensuring).rejects.toBeInstanceOf(SearchAttributeConflictError);
    await expect(ensuring).rejects.toThrow(
      `The search attribute CountersignRun of the Temporal namespace ${namespace} is of type Int, and Countersign needs Keyword`,
    );
    const { customAttributes } = await connection.operatorService.listSearchAttributes({
      namespace,
    });
    expect(Object.keys(customAttributes)).toEqual(['CountersignRun']);
  });

  test.each([
    ['PERMISSION_DENIED', 7],
    ['UNIMPLEMENTED', 12],
    ['UNAVAILABLE', 14],
  ])('names what must be created by hand where operators get %s', async (_, code) => {
    const namespace = await newNamespace();
    expect(await ensureSearchAttributes(withoutOperator(code), namespace)).toEqual({
      outcome: 'by hand',
      names: NAMES,
    });
    await ensureSearchAttributes(connection, namespace);
    expect(await ensureSearchAttributes(withoutOperator(code), namespace)).toEqual({
      outcome: 'ready',
      added: [],
    });
  });

  test('fails when the server does not answer at all', async () => {
    const nowhere = connectToTemporal('127.0.0.1:1');
    await expect(ensureSearchAttributes(nowhere, 'default')).rejects.toMatchObject({ code: 14 });
    await nowhere.close();
  });
});

async function newNamespace(): Promise<string> {
  const namespace = `test-${randomUUID()}`;
  await connection.workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: msToTs('1 day'),
  });
  return namespace;
}

/** The connection of somebody who may use the namespace and not operate the cluster. */
function withoutOperator(code: number): ConnectionLike {
  const refuse = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('refused'), { code }));
  return new Proxy(connection, {
    get: (target, name) =>
      name === 'operatorService'
        ? { listSearchAttributes: refuse, addSearchAttributes: refuse }
        : bound(target, name),
  });
}

function bound(target: Connection, name: string | symbol): unknown {
  const value: unknown = Reflect.get(target, name);
  return typeof value === 'function' ? value.bind(target) : value;
}
