import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { JsonObject } from '../../src/domain/json.js';
import { canonicalJson } from '../../src/rules/canonical.js';
import { type Actor, SYSTEM } from '../../src/store/actors.js';
import { type AddedVersion, addVersion, type NewVersion } from '../../src/store/add-version.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { findVersion, listEntries, listVersions } from '../../src/store/reviews.js';
import { readEffectiveOutput } from '../../src/store/steps.js';
import type { VersionRow } from '../../src/store/tables.js';
import { createTestDatabase, type TestDatabase } from '../support/database.js';
import {
  aParkedGate,
  members,
  type ParkedGate,
  person,
  reviewNow,
  SNAPSHOT,
  vote,
} from '../support/parked.js';
import { auditOf, expectConsistent } from './consistency.js';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

const ann = person('u_ann', 'finance');
const bob = person('u_bob', 'finance');
const finance = { groups: [{ group: 'finance', required: 1 }] };

/** Adds a version to a gate's review; by default a correction of the seed. */
async function correct(
  gate: ParkedGate,
  actor: Actor,
  about: Partial<NewVersion> = {},
): Promise<AddedVersion> {
  return await addVersion(database.db, actor, gate.review.id, {
    parentId: gate.review.newestVersionId,
    snapshot: { ...SNAPSHOT, total: 7 },
    note: null,
    origin: 'human_edit',
    acknowledgedVersionIds: [],
    ...about,
  });
}

function versionOf(added: AddedVersion): VersionRow {
  return 'version' in added ? added.version : expect.fail(`no version: ${added.kind}`);
}

const codes = (added: AddedVersion): readonly string[] =>
  added.kind === 'refused' ? added.refusals.map(({ code }) => code) : [];

/** All versions of a gate's review, oldest first. */
async function versionsOf(gate: ParkedGate): Promise<readonly VersionRow[]> {
  return await database.db
    .selectFrom('version')
    .selectAll()
    .where('reviewId', '=', gate.review.id)
    .orderBy('ordinal')
    .execute();
}

/** A gate whose review has the id that the contract's test vectors are about. */
async function gateOfTheContract(): Promise<ParkedGate> {
  const { db } = database;
  const gate = await aParkedGate(db, finance);
  const id = 'rev_D4J7WZBRV4H7C2SKQJ4NP6W2EY';
  const [seed] = await versionsOf(gate);
  const [entry] = (await listEntries(db, [gate.review.id])).get(gate.review.id) ?? [];
  if (seed === undefined || entry === undefined) {
    throw new Error('a review has a seed and an entry');
  }
  await db.transaction().execute(async (tx) => {
    await tx.deleteFrom('entry').where('reviewId', '=', gate.review.id).execute();
    await tx.updateTable('version').set({ reviewId: id }).where('id', '=', seed.id).execute();
    await tx.updateTable('review').set({ id }).where('id', '=', gate.review.id).execute();
    await tx
      .insertInto('entry')
      .values({ ...entry, reviewId: id })
      .execute();
  });
  return { ...gate, review: { ...gate.review, id } };
}

describe('the id of a version', () => {
  test('is that of its review and content, as the contract has it', async () => {
    const gate = await gateOfTheContract();
    for (const [snapshot, id] of [
      [{ total_amount: 325, vendor_name: 'Acme Corp' }, 'rvr_EJN44TAXFXFEWPKSQXEBR5GCSY'],
      [{ vendor_name: 'Acme Corp', total_amount: null }, 'rvr_U5WQ34O3GICG5D4E3IYUZAYJQA'],
    ] as const) {
      expect(versionOf(await correct(gate, ann, { snapshot }))).toMatchObject({ id });
    }
  });

  test('differs between two reviews of the same content', async () => {
    const { db } = database;
    const [one, other] = [await aParkedGate(db, finance), await aParkedGate(db, finance)];
    expect(one.review.newestVersionId).not.toBe(other.review.newestVersionId);
    const ids = [await correct(one, ann), await correct(other, ann)].map(
      (added) => versionOf(added).id,
    );
    expect(new Set(ids).size).toBe(2);
    expect(codes(await correct(one, ann, { parentId: other.review.newestVersionId }))).toEqual([
      'VERSION_NOT_FOUND',
    ]);
  });
});

describe('the text of a snapshot', () => {
  const awkward: JsonObject = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
    numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 1e-27, 0, 10, 1e21, 5e-324],
    string: '\u20ac$\u000f\nA\'B"\\\\"/\u0000',
    literals: [null, true, false],
    empty: { '': {}, list: [] },
  };
  // RFC 8785, 3.2.2 and 3.2.3, with a NUL and some numbers more.
  const canonical = String.raw`{"\r":"Carriage Return","1":"One","empty":{"":{},"list":[]},"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27,0,10,1e+21,5e-324],"string":"€$\u000f\nA'B\"\\\\\"/\u0000","${'\u0080'}":"Control","ö":"Latin Small Letter O With Diaeresis","€":"Euro Sign","😀":"Emoji: Grinning Face","${'\ufb33'}":"Hebrew Letter Dalet With Dagesh"}`;

  test('is byte for byte RFC 8785: of a correction, of the seed, and of what flows on', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const { id } = versionOf(await correct(gate, ann, { snapshot: awkward }));
    const stored = await findVersion(db, 'prj_default', id);
    expect(Buffer.from(stored?.snapshot ?? '').equals(Buffer.from(canonical))).toBe(true);
    expect(stored?.snapshotSha256).toBe(createHash('sha256').update(canonical).digest('hex'));

    await vote(db, gate, bob);
    expect(await readEffectiveOutput(db, gate.stepId)).toBe(canonical);

    const seeded = await aParkedGate(db, finance, { snapshot: awkward });
    const [seed] = await versionsOf(seeded);
    expect(seed?.snapshot).toBe(canonical);
    const step = await db
      .selectFrom('step')
      .select('output')
      .where('id', '=', seeded.stepId)
      .executeTakeFirstOrThrow();
    expect(step.output).toBe(canonical);
  });

  test('is kept whole also when it is long', async () => {
    const gate = await aParkedGate(database.db, finance);
    const snapshot = { text: 'é'.repeat(1_000_000) };
    const { id } = versionOf(await correct(gate, ann, { snapshot }));
    const stored = await findVersion(database.db, 'prj_default', id);
    expect(stored?.snapshot === canonicalJson(snapshot)).toBe(true);
  });
});

describe('a correction', () => {
  test('becomes the newest version, with its author, note and parent', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const seedId = gate.review.newestVersionId;
    const added = await correct(gate, ann, { note: 'the net amount' });
    expect(added.kind).toBe('created');
    expect(await versionsOf(gate)).toMatchObject([
      { id: seedId, ordinal: 0, parentId: null, origin: 'model_output', note: null },
      {
        id: versionOf(added).id,
        ordinal: 1,
        parentId: seedId,
        origin: 'human_edit',
        authorKind: 'human',
        authorId: 'u_ann',
        authorName: 'Name of u_ann',
        note: 'the net amount',
        snapshot: '{"total":7,"vendor":"Acme"}',
      },
    ]);
    expect(await reviewNow(db, gate)).toMatchObject({
      newestVersionId: versionOf(added).id,
      rev: 1,
      seq: 0,
    });
    const [, line] = await auditOf(db, gate.review.id);
    expect(line).toMatchObject({
      action: 'version_added',
      actorId: 'u_ann',
      tokenId: 'tok_u_ann',
      detail: { version_id: versionOf(added).id, parent_id: seedId, rev_result: 1 },
    });
    await expectConsistent(db, gate.run.id);
  });

  test('can be of any version, and versions are listed as they were added', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const one = versionOf(await correct(gate, ann, { snapshot: { n: 1 } }));
    const two = versionOf(await correct(gate, bob, { snapshot: { n: 2 }, parentId: one.id }));
    const three = versionOf(await correct(gate, ann, { snapshot: { n: 3 } }));
    const page = { order: 'asc', before: null, after: null, limit: 10 } as const;
    const { rows } = await listVersions(db, 'prj_default', gate.review.id, page);
    expect(new Map(rows.map(({ id, parentId }) => [id, parentId]))).toEqual(
      new Map([
        [gate.review.newestVersionId, null],
        [one.id, gate.review.newestVersionId],
        [two.id, one.id],
        [three.id, gate.review.newestVersionId],
      ]),
    );
  });

  test('with the parent and content of one that is there is that one, with its first author, note and time', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const first = versionOf(await correct(gate, ann, { note: 'first' }));
    const before = await reviewNow(db, gate);
    const again = await correct(gate, bob, {
      snapshot: { vendor: 'Acme', total: 7 },
      note: 'again',
    });
    expect(again).toEqual({ kind: 'existing', version: first });
    expect(await reviewNow(db, gate)).toEqual(before);
    expect(await auditOf(db, gate.review.id)).toHaveLength(2);
  });

  test('twenty times at once is one version and nineteen repeats', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const added = await Promise.all(members('finance', 20).map((one) => correct(gate, one)));
    expect(added.map(({ kind }) => kind).toSorted()).toEqual([
      'created',
      ...Array.from({ length: 19 }, () => 'existing'),
    ]);
    expect(new Set(added.map((one) => JSON.stringify(versionOf(one)))).size).toBe(1);
    expect(await versionsOf(gate)).toHaveLength(2);
    await expectConsistent(db, gate.run.id);
  });

  test('twenty different ones at once are twenty versions, densely numbered', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const added = await Promise.all(
      members('finance', 20).map((one, n) => correct(gate, one, { snapshot: { n } })),
    );
    expect(new Set(added.map(({ kind }) => kind))).toEqual(new Set(['created']));
    expect((await versionsOf(gate)).map(({ ordinal }) => ordinal)).toEqual(
      Array.from({ length: 21 }, (_, n) => n),
    );
    await expectConsistent(db, gate.run.id);
  });

  test('with the content of another version under another parent is a conflict that names both parents', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const seedId = gate.review.newestVersionId;
    const one = versionOf(await correct(gate, ann, { snapshot: { n: 1 } }));
    const two = versionOf(await correct(gate, ann, { snapshot: { n: 2 } }));
    const before = await reviewNow(db, gate);
    expect(await correct(gate, bob, { snapshot: { n: 1 }, parentId: two.id })).toEqual({
      kind: 'parent_conflict',
      versionId: one.id,
      existingParentId: seedId,
      requestedParentId: two.id,
    });
    // The seed's own content has no parent at all.
    expect(await correct(gate, bob, { snapshot: SNAPSHOT, parentId: one.id })).toEqual({
      kind: 'parent_conflict',
      versionId: seedId,
      existingParentId: null,
      requestedParentId: one.id,
    });
    expect(await correct(gate, bob, { snapshot: SNAPSHOT })).toMatchObject({
      kind: 'parent_conflict',
      existingParentId: null,
    });
    expect(await reviewNow(db, gate)).toEqual(before);
  });

  test('of a decided review is refused, but a repeat of one that is there is not', async () => {
    const { db } = database;
    for (const release of ['manual', 'auto'] as const) {
      const gate = await aParkedGate(db, { ...finance, release });
      const first = versionOf(await correct(gate, ann));
      await vote(db, gate, bob);
      expect((await reviewNow(db, gate)).releasedAt === null).toBe(release === 'manual');
      expect(codes(await correct(gate, ann, { snapshot: { late: true } }))).toEqual([
        'REVIEW_DECIDED',
      ]);
      expect(await correct(gate, bob)).toEqual({ kind: 'existing', version: first });
      expect(await correct(gate, bob, { parentId: first.id })).toMatchObject({
        kind: 'parent_conflict',
      });
      expect(await versionsOf(gate)).toHaveLength(2);
      await expectConsistent(db, gate.run.id);
    }
  });

  test('of a cancelled review is refused, but a repeat of one that is there is not', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const first = versionOf(await correct(gate, ann));
    const about = { reason: 'enough', dialect: 'native' as const };
    await cancelRun(db, SYSTEM, gate.run.id, about, 0);
    expect(codes(await correct(gate, ann, { snapshot: { late: true } }))).toEqual([
      'REVIEW_CANCELLED',
    ]);
    expect(await correct(gate, ann)).toEqual({ kind: 'existing', version: first });
  });

  test('is refused to whoever may fill no entry, to services, and where the gate takes none', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance, { run: { ownerId: 'u_owner' } });
    expect(codes(await correct(gate, person('u_stranger')))).toEqual(['NOT_ELIGIBLE']);
    expect(codes(await correct(gate, person('u_owner', 'finance')))).toEqual(['NOT_ELIGIBLE']);
    const service: Actor = { ...SYSTEM, id: 'svc', kind: 'service', groups: ['finance'] };
    expect(codes(await correct(gate, service))).toEqual(['SERVICE_CANNOT_VOTE']);
    const strict = await aParkedGate(db, { ...finance, corrections: 'none' });
    expect(codes(await correct(strict, ann))).toEqual(['CORRECTIONS_NOT_ALLOWED']);
    expect(await versionsOf(gate)).toHaveLength(1);
    expect(await versionsOf(strict)).toHaveLength(1);
  });

  test('of nothing, or in another project, is not found', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, finance);
    const elsewhere = { ...ann, projectId: 'prj_other' };
    expect(await correct(gate, elsewhere)).toEqual({ kind: 'not_found' });
    expect(codes(await correct(gate, ann, { parentId: 'rvr_X' }))).toEqual(['VERSION_NOT_FOUND']);
    expect(await findVersion(db, 'prj_other', gate.review.newestVersionId)).toBeNull();
  });

  test('that would discard a leaf has to acknowledge it where the gate says so', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, { ...finance, acknowledge_superseded: true });
    const one = versionOf(await correct(gate, ann, { snapshot: { n: 1 } }));
    const refused = await correct(gate, ann, { snapshot: { n: 2 } });
    expect(refused).toEqual({
      kind: 'refused',
      refusals: [{ code: 'SUPERSEDED_VERSIONS', versionIds: [one.id] }],
    });
    expect(await correct(gate, ann, { snapshot: { n: 1 } })).toMatchObject({ kind: 'existing' });
    const acknowledgedVersionIds = [one.id];
    expect(await correct(gate, ann, { snapshot: { n: 2 }, acknowledgedVersionIds })).toMatchObject({
      kind: 'created',
    });
    expect(await versionsOf(gate)).toHaveLength(3);
  });
});

describe('the rows of a review', () => {
  const statuses = async (gate: ParkedGate): Promise<readonly string[]> => {
    const entries = (await listEntries(database.db, [gate.review.id])).get(gate.review.id) ?? [];
    return entries.map(({ status, factSeq }) => `${status} ${factSeq ?? '-'}`);
  };

  test('show the newest version: a correction empties them, and votes on it fill them again', async () => {
    const { db } = database;
    const gate = await aParkedGate(db, {
      groups: [{ group: 'finance', required: 2 }],
      release: 'manual',
    });
    expect(await statuses(gate)).toEqual(['PENDING -', 'PENDING -']);
    await vote(db, gate, ann);
    expect(await statuses(gate)).toEqual(['APPROVED 1', 'PENDING -']);

    const corrected = versionOf(await correct(gate, bob));
    expect(await statuses(gate)).toEqual(['PENDING -', 'PENDING -']);
    await vote(db, gate, bob);
    expect(await statuses(gate)).toEqual(['APPROVED 2', 'PENDING -']);
    await expectConsistent(db, gate.run.id);

    // Another one for the seed: it counts there, and the rows go on showing the newest.
    await vote(db, gate, person('u_cid', 'finance'), { versionId: gate.review.newestVersionId });
    expect(await reviewNow(db, gate)).toMatchObject({
      status: 'APPROVED',
      decisionVersionId: gate.review.newestVersionId,
      newestVersionId: corrected.id,
    });
    // Once decided they show what was decided.
    expect(await statuses(gate)).toEqual(['APPROVED 1', 'APPROVED 3']);
    await expectConsistent(db, gate.run.id);
  });
});
