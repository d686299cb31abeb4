import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import type { Fact } from '../../src/domain/facts.js';
import { parseReviewerDecision, type ReviewerDecision } from '../../src/domain/messages.js';
import { REVIEW_STATUSES } from '../../src/domain/statuses.js';
import { aVote } from '../support/builders.js';

const vote = aVote({ seq: 2, fills: ['group:finance#1'], actingFor: null });
const signal: ReviewerDecision = {
  review_id: 'rev_1',
  fact: vote,
  status: { status: 'APPROVED', versionId: 'rvr_1' },
};

describe('parseReviewerDecision', () => {
  test.each<readonly [string, Fact]>([
    ['an approval', vote],
    ['a rejection in the name of admin', aVote({ verdict: 'rejected', actingFor: 'admin' })],
    ['a revocation', aVote({ verdict: 'revoked' })],
    ['a forced approval', aVote({ forced: true, fills: [], actingFor: 'oncall' })],
    ['an approval taken back', { kind: 'withdrawn', seq: 3, id: 'x', actorId: 'u_ann' }],
    [
      'a reassignment',
      {
        kind: 'reassigned',
        seq: 3,
        id: 'x',
        actorId: 'u_admin',
        entry: 'user:u_cfo',
        to: { kind: 'group', subject: 'finance' },
      },
    ],
    ['a request of release', { kind: 'release_requested', seq: 3, id: 'x', actorId: 'u_owner' }],
    ['a cancellation', { kind: 'cancelled', seq: Number.MAX_SAFE_INTEGER, id: 'x', actorId: 'u' }],
  ])('reads %s as it was sent', (_title, fact) => {
    const sent = { ...signal, fact };
    expect(parseReviewerDecision(sent)).toEqual(sent);
    expect(parseReviewerDecision(structuredClone(sent))).toEqual(sent);
  });

  test.each(REVIEW_STATUSES)('reads the status %s, with a version or without', (status) => {
    for (const versionId of ['rvr_1', null]) {
      const sent = { ...signal, status: { status, versionId } };
      expect(parseReviewerDecision(sent)).toEqual(sent);
    }
  });

  test('drops what it does not know', () => {
    const more = {
      ...signal,
      reason: 'because',
      fact: { ...vote, snapshot: {} },
      status: { ...signal.status, by: 'u_x' },
    };
    expect(parseReviewerDecision(more)).toEqual(signal);
  });

  const release = { kind: 'release_requested', seq: 1, id: 'x', actorId: 'u_owner' };

  test.each<readonly [string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['a number', 1],
    ['no number', Number.NaN],
    ['a string', JSON.stringify(signal)],
    ['bytes', new Uint8Array(8)],
    ['an array', [signal]],
    ['an empty object', {}],
    ['a map of the right things', new Map(Object.entries(signal))],
    ['no review', { ...signal, review_id: undefined }],
    ['a review that is no string', { ...signal, review_id: 1 }],
    ['no fact', { ...signal, fact: undefined }],
    ['null for a fact', { ...signal, fact: null }],
    ['an array of facts', { ...signal, fact: [vote] }],
    ['a fact in text', { ...signal, fact: JSON.stringify(vote) }],
    ['no status', { ...signal, status: undefined }],
    ['a bare status', { ...signal, status: 'APPROVED' }],
    ['a status in an array', { ...signal, status: [signal.status] }],
    ['an unknown status', { ...signal, status: { status: 'EXPIRED', versionId: null } }],
    ['a status in lower case', { ...signal, status: { status: 'approved', versionId: null } }],
    ['a status without its version', { ...signal, status: { status: 'APPROVED' } }],
    ['a status of version 1', { ...signal, status: { status: 'APPROVED', versionId: 1 } }],
    ['a release by nobody', { ...signal, fact: { ...release, actorId: undefined } }],
    [
      'an approval taken back by nobody',
      { ...signal, fact: { ...release, kind: 'withdrawn', actorId: null } },
    ],
    ['a reassignment of nothing', { ...signal, fact: { ...release, kind: 'reassigned' } }],
    [
      'a reassignment to anyone',
      {
        ...signal,
        fact: { ...release, kind: 'reassigned', entry: 'x', to: { kind: 'anyone', subject: '' } },
      },
    ],
    ['a release by a number', { ...signal, fact: { ...release, actorId: 7 } }],
    ['a vote that names only an actor', { ...signal, fact: { ...release, kind: 'vote' } }],
  ])('takes %s for no decision', (_title, payload) => {
    expect(parseReviewerDecision(payload)).toBeNull();
  });

  test.each<readonly [keyof typeof vote, readonly unknown[]]>([
    ['kind', [undefined, null, 'votes', 'VOTE', '', 'constructor', ['vote'], 0]],
    [
      'seq',
      [undefined, null, 0, -1, 1.5, '1', [1], Number.NaN, Infinity, -Infinity, 2 ** 53, true, 1n],
    ],
    ['id', [undefined, null, 7, ['vote_1'], {}]],
    ['reviewerId', [undefined, null, 7, ['u_ann'], {}]],
    ['versionId', [undefined, null, 7, ['rvr_1'], {}]],
    ['verdict', [undefined, null, 'APPROVED', 'approve', '', true, ['approved'], 'toString']],
    ['fills', [undefined, null, 'anyone', {}, [1], [null], ['anyone', undefined], [['anyone']]]],
    ['forced', [undefined, null, 'true', 1, 0, []]],
    ['actingFor', [undefined, 7, false, ['admin'], {}]],
  ])('takes a vote with a wrong %s for no decision', (field, wrongs) => {
    for (const wrong of wrongs) {
      const payload = { ...signal, fact: { ...vote, [field]: wrong } };
      expect([wrong, parseReviewerDecision(payload)]).toEqual([wrong, null]);
    }
  });

  test('finds no field in a prototype that is not there', () => {
    const polluted: unknown = JSON.parse(
      `{"__proto__":${JSON.stringify(signal)},"constructor":{"prototype":${JSON.stringify(signal)}}}`,
    );
    expect(parseReviewerDecision(polluted)).toBeNull();
    const bare: unknown = Object.create(null);
    expect(parseReviewerDecision(bare)).toBeNull();
    expect(parseReviewerDecision({ ...signal, fact: bare })).toBeNull();
  });

  test('takes a payload of any size, and reads the same from it', () => {
    const fills = Array.from({ length: 100_000 }, (_, index) => `group:finance#${index + 1}`);
    const huge = { ...signal, fact: { ...vote, id: 'x'.repeat(1_000_000), fills } };
    expect(parseReviewerDecision(huge)).toEqual(huge);
    expect(parseReviewerDecision({ ...signal, junk: 'x'.repeat(1_000_000) })).toEqual(signal);
    let deep: unknown = signal;
    for (let depth = 0; depth < 100_000; depth += 1) {
      deep = [deep];
    }
    expect(parseReviewerDecision(deep)).toBeNull();
    expect(parseReviewerDecision({ ...signal, fact: { ...vote, fills: deep } })).toBeNull();
  });

  test.prop([
    fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true }),
  ])('never throws, and takes garbage for no decision', (garbage) => {
    expect(parseReviewerDecision(garbage)).toBeNull();
    expect(parseReviewerDecision({ ...signal, fact: garbage })).toBeNull();
    expect(parseReviewerDecision({ ...signal, status: garbage })).toBeNull();
  });

  const anyField = fc.oneof(
    fc.constantFrom<unknown>(...Object.values(vote), ...Object.values(signal.status)),
    fc.anything({ withNullPrototype: true }),
  );
  const fields = [...Object.keys(vote), 'actorId'];
  const anyFact = fc.record(Object.fromEntries(fields.map((field) => [field, anyField])), {
    requiredKeys: [],
  });

  test.prop([anyFact], { numRuns: 1_000 })(
    'reads what is nearly a fact as a whole one, or as none',
    (fact) => {
      const read = parseReviewerDecision({ ...signal, fact: { ...fact } });
      if (read !== null) {
        expect(Number.isSafeInteger(read.fact.seq) && read.fact.seq > 0).toBe(true);
        expect(JSON.parse(JSON.stringify(read))).toEqual(read);
      }
    },
  );
});
