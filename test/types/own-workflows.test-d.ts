import { expectTypeOf } from 'vitest';
import type { ExternalEnd, ExternalOrder } from '../../src/domain/external-review.js';
import type { Json } from '../../src/domain/json.js';
import { type ReferenceApproved, type Refused, review } from '../../src/workflow.js';

// What crosses between an author's workflow and the gate is JSON.
expectTypeOf<ExternalOrder>().toExtend<Json>();
expectTypeOf<ExternalEnd>().toExtend<Json>();

/** An interface will do: authors have no reason to know about index signatures. */
interface Refund {
  readonly order: string;
  readonly amount: number;
}
declare const refund: Refund;
const asked = { key: 'refund', owner: null, policy: {} } as const;

async function byValue(): Promise<void> {
  const answer = await review({ ...asked, snapshot: refund });
  if (answer.approved) {
    expectTypeOf(answer.snapshot).toEqualTypeOf<Refund>();
    expectTypeOf(answer.versionId).toEqualTypeOf<string | null>();
    // @ts-expect-error a yes has no reason
    void answer.reason;
  } else {
    expectTypeOf(answer).toEqualTypeOf<Refused>();
    expectTypeOf(answer.verdict).toEqualTypeOf<'rejected' | 'revoked' | 'cancelled'>();
    // @ts-expect-error nothing of a no may flow on
    void answer.snapshot;
  }
  const approved = await review({ ...asked, snapshot: refund }).orThrow();
  expectTypeOf(approved.snapshot.amount).toEqualTypeOf<number>();
}

async function byReference(): Promise<void> {
  const approved = await review({ ...asked, snapshotRef: 'snp_x' }).orThrow();
  expectTypeOf(approved).toEqualTypeOf<ReferenceApproved>();
  // @ts-expect-error by reference the snapshot is read in an activity
  void approved.snapshot;
}

// @ts-expect-error one of the two, not both
void review({ ...asked, snapshot: refund, snapshotRef: 'snp_x' });
// @ts-expect-error one of the two, not neither
void review(asked);
// @ts-expect-error nobody is said, not left out
void review({ key: 'refund', policy: {}, snapshot: refund });
// @ts-expect-error a snapshot is an object
void review({ ...asked, snapshot: 'refund' });
// @ts-expect-error iterations are for workflows of ours
void review({ ...asked, snapshot: refund, blockType: 'for_each' });

void byValue;
void byReference;
