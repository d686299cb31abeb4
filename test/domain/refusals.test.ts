import { describe, expect, test } from 'vitest';
import { explainRefusal, type Refusal, type RefusalCode } from '../../src/domain/refusals.js';

type Explained<Code extends RefusalCode> = readonly (readonly [
  refusal: Extract<Refusal, { code: Code }>,
  sentence: string,
])[];

/** Codes and sentences together: both are public, and clients show them. */
const explained: { readonly [Code in RefusalCode]: Explained<Code> } = {
  SERVICE_CANNOT_VOTE: [
    [
      { code: 'SERVICE_CANNOT_VOTE', service: 'svc_x' },
      "Only a person's vote fills an entry, and 'svc_x' is a service: vote with a person's token.",
    ],
  ],
  VERSION_NOT_FOUND: [
    [
      { code: 'VERSION_NOT_FOUND', versionId: 'rvr_x', reviewId: 'rev_1' },
      "Version 'rvr_x' does not belong to review 'rev_1': list its versions and name one of them.",
    ],
  ],
  SELF_APPROVAL: [
    [
      { code: 'SELF_APPROVAL', selfApproval: 'never' },
      'You own this run, and its gate never lets the owner approve: ask another reviewer.',
    ],
    [
      { code: 'SELF_APPROVAL', selfApproval: 'admins' },
      'You own this run, and only an owner who is an admin may approve it: ask another reviewer.',
    ],
  ],
  NOT_ELIGIBLE: [
    [
      { code: 'NOT_ELIGIBLE', personId: 'u_x', needs: 'a member of finance' },
      "'u_x' may not decide this review: it needs a member of finance.",
    ],
  ],
  CORRECTION_AUTHOR: [
    [
      { code: 'CORRECTION_AUTHOR', versionId: 'rvr_2' },
      "You wrote version 'rvr_2', and this gate wants somebody else to approve a correction: ask another reviewer.",
    ],
  ],
  NOT_IN_FORCE_GROUP: [
    [
      { code: 'NOT_IN_FORCE_GROUP', forceGroups: [] },
      'This gate declares no group that may force an approval: vote without force.',
    ],
    [
      { code: 'NOT_IN_FORCE_GROUP', forceGroups: ['oncall', 'sre'] },
      'Only members of oncall, sre may force an approval here: vote without force.',
    ],
  ],
  REVIEW_CANCELLED: [
    [
      { code: 'REVIEW_CANCELLED', reviewId: 'rev_1' },
      "The run of review 'rev_1' was cancelled: there is nothing left to decide.",
    ],
  ],
  REVIEW_DECIDED: [
    [
      { code: 'REVIEW_DECIDED', reviewId: 'rev_1', status: 'APPROVED', versionId: 'rvr_1' },
      'Review rev_1 already has a decision.',
    ],
  ],
  NOT_APPROVED: [
    [
      { code: 'NOT_APPROVED', reviewId: 'rev_1', status: 'PENDING' },
      "Review 'rev_1' is PENDING, and only an APPROVED review can be withdrawn or released: read it again.",
    ],
  ],
  ALREADY_RELEASED: [
    [
      { code: 'ALREADY_RELEASED', reviewId: 'rev_1', status: 'EXECUTED' },
      "Review 'rev_1' has been released (EXECUTED): it can no longer be withdrawn or released.",
    ],
  ],
  NOT_MANUAL: [
    [
      { code: 'NOT_MANUAL', reviewId: 'rev_1' },
      "Review 'rev_1' is released without being asked: its gate does not declare release 'manual'.",
    ],
  ],
  NOT_OWNER: [
    [
      { code: 'NOT_OWNER', personId: 'u_x' },
      "'u_x' may not do this: it is for the run's owner or an admin.",
    ],
  ],
  CORRECTIONS_NOT_ALLOWED: [
    [
      { code: 'CORRECTIONS_NOT_ALLOWED', reviewId: 'rev_1' },
      "The gate of review 'rev_1' takes no corrections: approve or reject the version that is there.",
    ],
  ],
  SUPERSEDED_VERSIONS: [
    [
      { code: 'SUPERSEDED_VERSIONS', versionIds: ['rvr_1', 'rvr_2'] },
      'This would discard versions that nobody built on: re-send this request with acknowledged_superseded_version_ids=[rvr_1, rvr_2]',
    ],
  ],
  STALE_VERSION: [
    [
      { code: 'STALE_VERSION', versionId: 'rvr_1', newestVersionId: 'rvr_2' },
      "Version 'rvr_1' is no longer the newest one, which is 'rvr_2': look at what changed, and vote again.",
    ],
  ],
  TIME_WINDOW_SET: [
    [
      { code: 'TIME_WINDOW_SET', reviewId: 'rev_1', window: { start: '09:00', end: '18:00' } },
      "Review 'rev_1' has a time window already (09:00 to 18:00 UTC), and it can be set only once: vote without one.",
    ],
  ],
  NOT_ADMIN: [[{ code: 'NOT_ADMIN', personId: 'u_x' }, "'u_x' may not do this: ask an admin."]],
  NO_APPROVAL_OF_YOURS: [
    [
      { code: 'NO_APPROVAL_OF_YOURS', reviewId: 'rev_1', personId: 'u_x' },
      "No approval of 'u_x' stands on review 'rev_1', so there is none to take back: read the review again.",
    ],
  ],
  TOO_MANY_FACTS: [
    [
      { code: 'TOO_MANY_FACTS', reviewId: 'rev_1', personId: 'u_x', max: 100, isOfPerson: true },
      "'u_x' has acted on review 'rev_1' 100 times, which is as often as one person may: only a vote that decides it is taken still, so reject it or ask another reviewer.",
    ],
    [
      { code: 'TOO_MANY_FACTS', reviewId: 'rev_1', personId: 'u_x', max: 2_000, isOfPerson: false },
      "Review 'rev_1' has 2000 recorded acts, which is as many as one may have: only a vote that decides it is taken still, so reject it or cancel its run.",
    ],
  ],
  ENTRY_NOT_FOUND: [
    [
      { code: 'ENTRY_NOT_FOUND', reviewId: 'rev_1', entry: 'x', keys: ['anyone'] },
      "Review 'rev_1' has no entry 'x': name one of anyone.",
    ],
  ],
  ENTRY_FILLED: [
    [
      { code: 'ENTRY_FILLED', reviewId: 'rev_1', entry: 'anyone', filledBy: 'u_x' },
      "Entry 'anyone' of review 'rev_1' is filled by the approval of 'u_x': reassign one that is open, or have that approval taken back first.",
    ],
  ],
  ASSIGNEE_UNKNOWN: [
    [
      { code: 'ASSIGNEE_UNKNOWN', to: { kind: 'group', subject: 'tax' } },
      "Nobody is in group 'tax': add its members with PUT /v1/users/{id}, or name another group.",
    ],
    [
      { code: 'ASSIGNEE_UNKNOWN', to: { kind: 'reviewer', subject: 'u_x' } },
      "There is no person 'u_x': store them with PUT /v1/users/{id}, or name somebody else.",
    ],
  ],
  OUTSIDE_TIME_WINDOW: [
    [
      { code: 'OUTSIDE_TIME_WINDOW', reviewId: 'rev_1', window: { start: '22:00', end: '06:00' } },
      "Review 'rev_1' may be released from 22:00 to 06:00 UTC only: ask again then.",
    ],
  ],
};

describe('explainRefusal', () => {
  const rows: readonly (readonly [Refusal, string])[] = Object.values(explained).flat();

  test.each(rows)('explains %j', (refusal, sentence) => {
    expect({ code: refusal.code, sentence: explainRefusal(refusal) }).toEqual({
      code: refusal.code,
      sentence,
    });
  });

  test.each(Object.entries(explained))('keeps the code %s as it is published', (code, cases) => {
    expect(cases.map(([refusal]) => refusal.code)).toEqual(cases.map(() => code));
  });
});
