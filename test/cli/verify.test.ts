import { describe, expect, test, vi, beforeAll, afterAll } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { canonicalForm } from '../../src/rules/canonical.js';
import { type Check } from '../../src/cli/verification/check.js';
import { type Evidence, readEvidence } from '../../src/cli/verification/evidence.js';
import { verifyReview } from '../../src/cli/verification/verify-review.js';
import { type Caller, type OpenedReview, startApi, type TestApi } from '../support/api.js';
import { countersign } from './countersign.js';

vi.setConfig({ testTimeout: 120_000 });

let api: TestApi;
let ann: Caller;
let ben: Caller;
let owner: Caller;

beforeAll(async () => {
  api = await startApi();
  ann = await api.person('u_ann', { groups: ['finance', 'legal'] });
  ben = await api.person('u_ben', { groups: ['finance'] });
  owner = await api.person('u_owner', { groups: [] });
});
afterAll(() => api.stop());

async function evidenceOf({ id }: OpenedReview): Promise<Evidence> {
  return await readEvidence(createClient({ url: api.url, token: api.admin.token }), id);
}

function failedIn(checks: readonly Check[]): readonly string[] {
  return checks.filter(({ passed }) => passed !== true).map(({ name }) => name);
}

const vote = (review: OpenedReview, as: Caller, versionId = review.seedId) =>
  api.post(`${review.path}/approve`, { as, body: { version_id: versionId } });

async function correct(review: OpenedReview, as: Caller, snapshot: object): Promise<string> {
  const body = { review_id: review.id, parent_id: review.seedId, snapshot };
  const reply = await api.post('/v1/workflows/reviews/versions', { as, body });
  return String(Reflect.get(Object(reply.body), 'id'));
}

const TWO = { groups: [{ group: 'finance', required: 2 }], reviewers: [{ id: 'u_ann' }] };
/** The same with time to undo: what is approved is not released at once. */
const HELD = { ...TWO, release: { after: '1h' } };

/** A review that was corrected, approved by two and is decided. */
async function decided(review: object = TWO): Promise<OpenedReview> {
  const opened = await api.openReview({ owner, review: { ...review } });
  await vote(opened, ben);
  const corrected = await correct(opened, ann, { total_amount: 325 });
  await vote(opened, ann, corrected);
  await vote(opened, ben, corrected);
  return opened;
}

describe('review verify', () => {
  test.each<[string, () => Promise<OpenedReview>, string]>([
    ['nobody has decided', async () => api.openReview({ owner, review: TWO }), 'PENDING'],
    ['was corrected and approved by two', () => decided(HELD), 'APPROVED'],
    [
      'one person fills one entry of',
      async () => {
        const review = { ...TWO, one_person_one_entry: true };
        const opened = await api.openReview({ owner, review });
        await vote(opened, ann);
        await vote(opened, ben);
        return opened;
      },
      'PENDING',
    ],
    [
      'was rejected',
      async () => {
        const opened = await api.openReview({ owner });
        const body = { version_id: opened.seedId, reason: 'wrong' };
        await api.post(`${opened.path}/reject`, { as: ann, body });
        return opened;
      },
      'REJECTED',
    ],
    [
      'was approved and taken back',
      async () => {
        const opened = await decided(HELD);
        await api.post(`${opened.path}/withdraw`, { as: owner, body: { reason: 'too early' } });
        return opened;
      },
      'REVOKED',
    ],
    [
      'was cancelled with its run',
      async () => {
        const opened = await api.openReview({ owner, review: TWO });
        await vote(opened, ben);
        await api.post(`/v1/workflows/runs/${opened.runId}/cancel`, { as: owner });
        return opened;
      },
      'REVOKED',
    ],
    [
      'was released and has flowed on',
      async () => {
        const opened = await decided();
        await vote(opened, api.admin);
        return opened;
      },
      'EXECUTED',
    ],
  ])('agrees with the server on a review that %s', async (_what, open, status) => {
    const opened = await open();
    const evidence = await evidenceOf(opened);
    expect(evidence.review.status).toBe(status);
    expect(failedIn(verifyReview(evidence))).toEqual([]);
  });

  test('prints every check, and says what it shows and what not', async () => {
    const { id } = await decided(HELD);
    const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: ben.token };
    const [printed, json] = await Promise.all([
      countersign(['review', 'verify', id], { env }),
      countersign(['review', 'verify', id, '--json'], { env }),
    ]);
    expect(printed).toMatchObject({ code: 0, stderr: '' });
    expect(printed.stdout.replaceAll(id, 'rev_…')).toBe(
      [
        'Review rev_… is APPROVED.',
        '✓ the id of the definition is that of its content',
        '✓ the gate that votes count by is the declared one',
        '✓ 3 facts are numbered from 1 without a gap, in order of time',
        '✓ the ids of 2 versions are those of their content',
        '✓ one version is the seed, and each other is made from an earlier one',
        '✓ the newest version',
        '✓ every vote names a version and a verdict, and every reassignment an entry',
        '✓ 3 votes, each one that the gate takes',
        '✓ status',
        '✓ decision: verdict, version, author, reason, time, fact',
        '✓ the entries there are',
        '✓ entry group:finance#1',
        '✓ entry group:finance#2',
        '✓ entry user:u_ann',
        '',
        'Shown: by the rules of this command, the declared gate and the recorded facts lead to what the server says, and versions are what their ids say.',
        'Not shown: that the record is whole and true: who really voted, who was in which group or an admin at that moment, and what the clocks said.',
        '',
      ].join('\n'),
    );
    expect(JSON.parse(json.stdout)).toMatchObject({ review_id: id, verified: true });
  });

  test('ends with 1 where the store was tampered with', async () => {
    const { id } = await decided(HELD);
    await api.db
      .updateTable('review')
      .set({ decidedBy: 'u_mallory' })
      .where('id', '=', id)
      .execute();
    await api.db.updateTable('fact').set({ actorId: 'u_ann' }).where('reviewId', '=', id).execute();
    const env = { COUNTERSIGN_URL: api.url, COUNTERSIGN_TOKEN: ben.token };
    const printed = await countersign(['review', 'verify', id], { env });
    expect(printed.code).toBe(1);
    expect(printed.stdout).toMatch(
      /^✗ status\n {4}derived {2}"PENDING"\n {4}served {3}"APPROVED"$/m,
    );
    expect(printed.stderr).toMatch(/^error: \d+ of \d+ checks failed/);
  });
});

describe('readEvidence', () => {
  test('reads again what changed while it was read, and gives up on what never rests', async () => {
    const opened = await decided();
    const client = createClient({ url: api.url, token: api.admin.token });
    let reads = 0;
    const restless = (restsAfter: number): typeof client => ({
      ...client,
      reviews: {
        ...client.reviews,
        get: async (id) => {
          reads += 1;
          const review = await client.reviews.get(id);
          return { ...review, rev: Math.min(reads, restsAfter) };
        },
      },
    });
    expect((await readEvidence(restless(3), opened.id)).review.rev).toBe(3);
    expect(reads).toBe(4);
    const never = readEvidence(restless(Number.POSITIVE_INFINITY), opened.id);
    await expect(never).rejects.toThrow('keeps changing while it is read: try again in a moment.');
  });
});

describe('verifyReview finds what differs:', () => {
  type Change = (evidence: Evidence) => Evidence;
  const review =
    (change: Partial<Evidence['review']>): Change =>
    (evidence) => ({ ...evidence, review: { ...evidence.review, ...change } });
  const fact =
    (index: number, change: Partial<Evidence['facts'][number]>): Change =>
    (evidence) => ({
      ...evidence,
      facts: evidence.facts.map((one, at) => (at === index ? { ...one, ...change } : one)),
    });
  const version =
    (index: number, change: Partial<Evidence['versions'][number]>): Change =>
    (evidence) => ({
      ...evidence,
      versions: evidence.versions.map((one, at) => (at === index ? { ...one, ...change } : one)),
    });
  const DEFINITION = 'the id of the definition is that of its content';
  const GATE = 'the gate that votes count by is the declared one';
  const DECISION = 'decision: verdict, version, author, reason, time, fact';
  const VOTES = '3 votes, each one that the gate takes';
  const CONTENT = 'the ids of 2 versions are those of their content';
  const TREE = 'one version is the seed, and each other is made from an earlier one';
  const ORDER = '3 facts are numbered from 1 without a gap, in order of time';
  const RELEASE = 'it was released after its approval, as the gate says';
  const FLOWED = 'what flowed on is the approved version';
  const other = { kind: 'human', id: 'u_x', display_name: 'X' } as const;

  const changes: readonly (readonly [string, Change, string])[] = [
    ['another status', review({ status: 'REJECTED' }), 'status'],
    ['a review that is open again', review({ status: 'PENDING', decision: null }), DECISION],
    [
      'another version decided on',
      (evidence) =>
        review({
          decision: evidence.review.decision && {
            ...evidence.review.decision,
            version_id: evidence.versions[0]?.id ?? '',
          },
        })(evidence),
      DECISION,
    ],
    [
      'another decider',
      (evidence) =>
        review({
          decision: evidence.review.decision && { ...evidence.review.decision, author: other },
        })(evidence),
      DECISION,
    ],
    [
      'another fact that decided',
      (evidence) => ({ ...evidence, explanation: { ...evidence.explanation, decision_seq: 2 } }),
      DECISION,
    ],
    [
      'an entry that is filled otherwise',
      (evidence) =>
        review({
          entries: evidence.review.entries.map((entry) => ({
            ...entry,
            status: 'PENDING',
            vote: null,
          })),
        })(evidence),
      'entry user:u_ann',
    ],
    [
      'an entry too few',
      (one) => review({ entries: one.review.entries.slice(1) })(one),
      'the entries there are',
    ],
    [
      'another newest version',
      (one) => review({ newest_version_id: one.versions[0]?.id ?? '' })(one),
      'the newest version',
    ],
    ['changed content', version(1, { snapshot: { total_amount: 1_000_000 } }), CONTENT],
    [
      'changed content under its own hash',
      version(1, {
        snapshot: { total_amount: 1 },
        content_sha256: canonicalForm({ total_amount: 1 }).sha256,
      }),
      CONTENT,
    ],
    ['another hash', version(0, { content_sha256: '0'.repeat(64) }), CONTENT],
    ['an unknown parent', version(1, { parent_id: 'rvr_NONE' }), TREE],
    ['a second seed', version(1, { parent_id: null }), TREE],
    [
      'a missing fact',
      (one) => ({ ...one, facts: one.facts.slice(1) }),
      '2 facts are numbered from 1 without a gap, in order of time',
    ],
    ['a fact out of time', fact(2, { created_at: '2020-01-01T00:00:00.000Z' }), ORDER],
    ['a service’s vote', fact(1, { actor: { ...other, kind: 'agent', id: 'u_ann' } }), VOTES],
    ['a vote on no version', fact(1, { version_id: 'rvr_NONE' }), VOTES],
    ['a vote for an entry there is not', fact(1, { fills: ['group:sales#1'] }), VOTES],
    ['a vote for somebody else’s entry', fact(2, { fills: ['user:u_ann'] }), VOTES],
    ['a vote that forces', fact(1, { forced: true, acting_for: 'sre' }), VOTES],
    [
      'a vote that is none',
      fact(1, { verdict: null }),
      'every vote names a version and a verdict, and every reassignment an entry',
    ],
    [
      'another gate',
      (one) => ({
        ...one,
        explanation: { ...one.explanation, gate: { ...one.explanation.gate, groups: [] } },
      }),
      GATE,
    ],
    [
      'another definition',
      (one) => ({ ...one, definition: one.definition && { ...one.definition, name: 'forged' } }),
      DEFINITION,
    ],
    ['no definition', (one) => ({ ...one, definition: null }), DEFINITION],
    ['another project', (one) => ({ ...one, me: { ...one.me, project_id: 'prj_x' } }), DEFINITION],
    ['a release before the approval', review({ released_at: '2020-01-01T00:00:00.000Z' }), RELEASE],
    [
      'something else that flowed on',
      (one) => ({
        ...one,
        step: {
          ...one.step,
          handle_outputs: { 'output-json-0': { type: 'json', data: { total_amount: 1 } } },
        },
      }),
      FLOWED,
    ],
  ];

  test.each(changes)('%s', async (_what, change, name) => {
    const opened = await decided();
    const evidence = await evidenceOf(opened);
    expect(failedIn(verifyReview(evidence))).toEqual([]);
    expect(failedIn(verifyReview(change(evidence)))).toContain(name);
  });

  test('an owner’s approval where the gate never lets them, and a corrector’s', async () => {
    const self = await decided({ ...TWO, self_approval: 'never' });
    const mine = review({ owner_id: 'u_ann' })(await evidenceOf(self));
    expect(failedIn(verifyReview(mine))).toEqual([VOTES]);
    const opened = await api.openReview({
      owner,
      review: { groups: ['finance'], correction_author_may_approve: false },
    });
    await vote(opened, ben, await correct(opened, ann, { total_amount: 325 }));
    const evidence = await evidenceOf(opened);
    expect(failedIn(verifyReview(evidence))).toEqual([]);
    const own = version(1, { author: { kind: 'human', id: 'u_ben', display_name: 'Ben' } });
    expect(failedIn(verifyReview(own(evidence)))).toEqual(['1 vote, each one that the gate takes']);
  });

  test('a release that nobody had asked for, or too early', async () => {
    const manual = await api.openReview({
      owner,
      review: { placement: 'input', release: 'manual' },
    });
    await vote(manual, ann);
    await api.post(`${manual.path}/release`, { as: owner });
    const evidence = await evidenceOf(manual);
    expect(failedIn(verifyReview(evidence))).toEqual([]);
    const unasked = { ...evidence, facts: evidence.facts.slice(0, 1) };
    expect(failedIn(verifyReview(unasked))).toEqual([RELEASE]);
    const undo = await api.openReview({ owner, review: { release: { after: '1h' } } });
    await vote(undo, ann);
    const waiting = await evidenceOf(undo);
    expect(failedIn(verifyReview(waiting))).toEqual([]);
    const early = review({ status: 'EXECUTED', released_at: waiting.review.approved_at })(waiting);
    expect(failedIn(verifyReview(early))).toContain(RELEASE);
  });
});
