import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import { aParkedGate, person } from '../support/parked.js';
import { openRecorder, type Recorder } from '../support/plans.js';
import { APPROVAL, recordVote } from '../support/voters.js';

// PostgreSQL has no statistics of an installation that is new, and a connection that has planned a statement
// for any parameters keeps to that plan. Whatever a run and its vote send has to go by keys even so.

const GROWING = ['run', 'step', 'review', 'version', 'fact', 'entry', 'outbox', 'audit'];

let database: TestDatabase;
let recorder: Recorder;

beforeAll(async () => {
  database = await createTestDatabase();
  recorder = openRecorder(database.url);
});
afterAll(async () => {
  await recorder.db.destroy();
  await database.drop();
});

test('a run with a gate and its vote go through no table', async () => {
  const { db, sent } = recorder;
  const { review } = await aParkedGate(db, { groups: [{ group: 'g1', required: 1 }] });
  const { kind } = await recordVote(db, person('u1', 'g1'), review.id, APPROVAL, 60_000);
  expect(kind).toBe('recorded');

  const texts = [...new Set(sent.map(({ sql }) => sql))].filter((text) =>
    /^\s*(?:select|insert|update|delete|with)\b/i.test(text),
  );
  expect(texts.length).toBeGreaterThan(20);
  expect(texts).toContainEqual(expect.stringContaining('insert into outbox'));
  const scans: string[] = [];
  for (const text of texts) {
    for (const node of await recorder.explain('generic_plan', text)) {
      const table = GROWING.find((name) => name === node['Relation Name']);
      if (node['Node Type'] === 'Seq Scan' && table !== undefined) {
        scans.push(`${table} by ${text.trim().slice(0, 80)}`);
      }
    }
  }
  expect(scans).toEqual([]);
});
