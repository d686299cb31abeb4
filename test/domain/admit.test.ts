import { fc, test } from '@fast-check/vitest';
import { describe, expect } from 'vitest';
import { type Admission, admit, type Inbox, inboxAfter } from '../../src/domain/admit.js';
import type { Fact } from '../../src/domain/facts.js';
import type { DeliveredStatus } from '../../src/domain/messages.js';
import type { Policy } from '../../src/domain/policy.js';
import {
  evolve,
  foldReview,
  openedReview,
  type ReviewState,
} from '../../src/domain/review-state.js';
import { isTerminal } from '../../src/domain/statuses.js';
import { aVote } from '../support/builders.js';
import { anyScenario, play } from './scenarios.js';

function fact(seq: number, id = `vote_${seq}`): Fact {
  return aVote({ seq, id });
}

/** All that comes of facts delivered one after the other. */
function deliverAll(facts: readonly Fact[], inbox: Inbox = inboxAfter(0)): readonly Admission[] {
  const admissions: Admission[] = [];
  for (const delivered of facts) {
    admissions.push(admit(admissions.at(-1)?.inbox ?? inbox, delivered));
  }
  return admissions;
}

describe('inboxAfter', () => {
  test('waits for the fact after the latest that the store’s answer held', () => {
    expect(inboxAfter(0)).toEqual({ due: 1, base: 0, countedIds: [], early: [] });
    expect(inboxAfter(2)).toEqual({ due: 3, base: 2, countedIds: [], early: [] });
  });
});

describe('admit', () => {
  /** The store’s answer held the first fact, and the second was counted since. */
  const afterTwo: Inbox = { ...inboxAfter(1), due: 3, countedIds: ['vote_2'] };
  const counted = (last: number): Inbox => ({
    ...afterTwo,
    due: last + 1,
    countedIds: Array.from({ length: last - 1 }, (_, index) => `vote_${index + 2}`),
  });
  const behindGap: Inbox = { ...afterTwo, early: [fact(4), fact(6)] };

  test.each<readonly [string, Inbox, Fact, Admission]>([
    [
      'the fact that is due',
      afterTwo,
      fact(3),
      { inbox: counted(3), ready: [fact(3)], askStore: false },
    ],
    ['a fact that was counted', afterTwo, fact(2), { inbox: afterTwo, ready: [], askStore: false }],
    [
      'a fact that the store’s answer held',
      afterTwo,
      fact(1),
      { inbox: afterTwo, ready: [], askStore: false },
    ],
    [
      'another fact in the place of one that the store’s answer held: the store has the true one',
      afterTwo,
      fact(1, 'forged'),
      { inbox: afterTwo, ready: [], askStore: false },
    ],
    [
      'another fact in the place of one that was counted',
      afterTwo,
      fact(2, 'forged'),
      { inbox: afterTwo, ready: [], askStore: true },
    ],
    [
      'a fact behind a gap',
      afterTwo,
      fact(5),
      { inbox: { ...afterTwo, early: [fact(5)] }, ready: [], askStore: true },
    ],
    [
      'a fact that waits behind a gap already',
      behindGap,
      fact(4),
      { inbox: behindGap, ready: [], askStore: false },
    ],
    [
      'another fact in the place of one that waits',
      behindGap,
      fact(6, 'forged'),
      { inbox: behindGap, ready: [], askStore: true },
    ],
    [
      'a fact between two that wait',
      behindGap,
      fact(5),
      { inbox: { ...afterTwo, early: [fact(4), fact(5), fact(6)] }, ready: [], askStore: true },
    ],
    [
      'a fact that closes one of two gaps',
      behindGap,
      fact(3),
      {
        inbox: { ...counted(4), early: [fact(6)] },
        ready: [fact(3), fact(4)],
        askStore: true,
      },
    ],
    [
      'a fact whose seq is before the first',
      afterTwo,
      fact(0),
      { inbox: afterTwo, ready: [], askStore: false },
    ],
    [
      'a fact whose seq is no number: it waits for ever, and counts for nothing',
      afterTwo,
      fact(Number.NaN),
      { inbox: { ...afterTwo, early: [fact(Number.NaN)] }, ready: [], askStore: true },
    ],
  ])('sorts %s', (_title, inbox, delivered, admission) => {
    expect(admit(inbox, delivered)).toEqual(admission);
  });

  test('leaves the inbox it was given as it was', () => {
    const copy = structuredClone(behindGap);
    admit(behindGap, fact(3));
    expect(behindGap).toEqual(copy);
  });

  const seqs = fc.array(fc.integer({ min: 1, max: 8 }), { maxLength: 20 });

  test.prop([seqs])('gives facts once and in seq order, however they come', (delivered) => {
    const ready = deliverAll(delivered.map((seq) => fact(seq))).flatMap((each) => each.ready);
    expect(ready.map(({ seq }) => seq)).toEqual(ready.map((_, index) => index + 1));
    const missing = [1, 2, 3, 4, 5, 6, 7, 8, 9].find((seq) => !delivered.includes(seq)) ?? 10;
    expect(ready).toHaveLength(missing - 1);
  });

  test.prop([seqs])('asks the store while anything waits behind a gap', (delivered) => {
    let before = inboxAfter(0);
    for (const { inbox, askStore } of deliverAll(delivered.map((seq) => fact(seq)))) {
      const isNews = inbox !== before;
      expect(askStore).toBe(isNews && inbox.early.length > 0);
      before = inbox;
    }
  });

  test.prop([seqs, fc.integer({ min: 1, max: 8 }), fc.nat(), fc.nat()])(
    'asks the store when two facts have one seq, whichever of them comes first',
    (delivered, seq, realAt, forgedAt) => {
      const facts = delivered.map((each) => fact(each));
      facts.splice(realAt % (facts.length + 1), 0, fact(seq));
      facts.splice(forgedAt % (facts.length + 1), 0, fact(seq, 'forged'));
      const secondAt = facts.findIndex(({ seq: taken, id }, index) =>
        facts.slice(0, index).some((before) => before.seq === taken && before.id !== id),
      );
      expect(deliverAll(facts)[secondAt]?.askStore).toBe(true);
    },
  );
});

/** A gate that waits, as a workflow does: it folds, and asks the store when it has to. */
class WaitingGate {
  state: ReviewState;
  private inbox = inboxAfter(0);
  private readonly policy: Policy;
  private readonly recorded: () => readonly Fact[];

  constructor(policy: Policy, recorded: () => readonly Fact[]) {
    this.policy = policy;
    this.recorded = recorded;
    this.state = openedReview(policy);
  }

  receive(delivered: Fact, status: DeliveredStatus['status']): void {
    const { inbox, ready, askStore } = admit(this.inbox, delivered);
    this.inbox = inbox;
    this.state = ready.reduce(evolve, this.state);
    if (askStore || isTerminal(this.state.status) || isTerminal(status)) {
      this.check();
    }
  }

  /** Whether it knows of a decision; a terminal fold is always the store's, because it asks for one. */
  get isOver(): boolean {
    return isTerminal(this.state.status);
  }

  private check(): void {
    this.state = foldReview(this.policy, this.recorded());
    this.inbox = inboxAfter(this.state.seq);
  }
}

describe('what a gate has folded', () => {
  type History = { readonly policy: Policy; readonly facts: readonly Fact[] };

  const anyHistory: fc.Arbitrary<History> = anyScenario
    .map((scenario) => ({ policy: scenario.policy, facts: play(scenario).facts }))
    .filter(({ facts }) => facts.length > 0);

  /** The index of the recorded fact that is delivered; or a forged one, with the status it tells. */
  type Delivery = number | { readonly forgery: Fact; readonly status: DeliveredStatus['status'] };

  function anyForgery(lastSeq: number): fc.Arbitrary<Delivery> {
    const fields = {
      seq: fc.integer({ min: 1, max: lastSeq }),
      verdict: fc.constantFrom('approved', 'rejected', 'revoked'),
      forced: fc.boolean(),
      reviewerId: fc.constantFrom('u_1', 'u_2', 'u_mallory'),
      kind: fc.constantFrom('vote', 'vote', 'cancelled', 'release_requested'),
      status: fc.constantFrom('PENDING', 'APPROVED', 'EXECUTED'),
    } as const;
    return fc.record(fields).map(({ kind, seq, status, ...vote }) => {
      const id = `forged_${seq}`;
      const fills = ['anyone', 'group:finance#1', 'group:legal#1'];
      const forgery: Fact =
        kind === 'vote'
          ? aVote({ ...vote, seq, id, fills })
          : { kind, seq, id, actorId: 'u_mallory' };
      return { forgery, status };
    });
  }

  /** Histories with an order of deliveries: whichever these are, or each at least once. */
  function deliveredBy(
    more: (facts: readonly Fact[]) => fc.Arbitrary<Delivery>,
    { isLossy }: { readonly isLossy: boolean },
  ) {
    return anyHistory.chain(({ policy, facts }) => {
      const all = isLossy ? [] : facts.map((_, index): Delivery => index);
      const deliveries = fc.array(more(facts)).chain((others) => {
        const pool = [...all, ...others];
        return fc.shuffledSubarray(pool, { minLength: pool.length });
      });
      return fc.record({ policy: fc.constant(policy), facts: fc.constant(facts), deliveries });
    });
  }

  const genuine = (facts: readonly Fact[]): fc.Arbitrary<Delivery> =>
    fc.nat({ max: facts.length - 1 });
  const replacing = (facts: readonly Fact[]): fc.Arbitrary<Delivery> =>
    fc.oneof(genuine(facts), anyForgery(facts.length));
  const running = (facts: readonly Fact[]): fc.Arbitrary<Delivery> =>
    fc.oneof(genuine(facts), anyForgery(facts.length + 4));

  /**
   * Delivers facts to a gate while the store goes on recording: a fact is recorded, with all before
   * it, when it is first delivered. What is not delivered was lost on the way.
   */
  function deliver({ policy, facts }: History, deliveries: readonly Delivery[]): WaitingGate {
    let recorded: readonly Fact[] = [];
    const gate = new WaitingGate(policy, () => recorded);
    for (const delivery of deliveries) {
      if (typeof delivery === 'object') {
        gate.receive(delivery.forgery, delivery.status);
        continue;
      }
      const upTo = facts.slice(0, delivery + 1);
      recorded = upTo.length > recorded.length ? upTo : recorded;
      for (const last of upTo.slice(-1)) {
        gate.receive(last, foldReview(policy, upTo).status);
      }
    }
    return gate;
  }

  test.prop([deliveredBy(genuine, { isLossy: false })])(
    'is the fold in seq order, for every order and repetition, without any help from the store',
    ({ policy, facts, deliveries }) => {
      const order = deliveries.flatMap((index) => facts.filter((_, at) => at === index));
      const ready = deliverAll(order).flatMap((admission) => admission.ready);
      expect(ready.reduce(evolve, openedReview(policy))).toEqual(foldReview(policy, facts));
    },
  );

  test.prop([deliveredBy(genuine, { isLossy: true })])(
    'is the fold in seq order when facts are lost on the way, once the last has come through',
    ({ policy, facts, deliveries }) => {
      const gate = deliver({ policy, facts }, [...deliveries, facts.length - 1]);
      expect(gate.state).toEqual(foldReview(policy, facts));
      expect(gate.isOver).toBe(isTerminal(gate.state.status));
    },
  );

  test.prop([deliveredBy(replacing, { isLossy: false })], { numRuns: 500 })(
    'is the fold in seq order in spite of forged facts in the place of recorded ones',
    ({ policy, facts, deliveries }) => {
      const gate = deliver({ policy, facts }, deliveries);
      expect(gate.state).toEqual(foldReview(policy, facts));
      expect(gate.isOver).toBe(isTerminal(gate.state.status));
    },
  );

  test.prop([deliveredBy(running, { isLossy: true })], { numRuns: 500 })(
    'neither opens a gate by forged facts nor keeps a recorded decision from opening it',
    ({ policy, facts, deliveries }) => {
      const isDecided = isTerminal(foldReview(policy, facts).status);
      // A decision that was taken back later opened it rightly, while it stood.
      const wasDecided = facts.some((_, index) =>
        isTerminal(foldReview(policy, facts.slice(0, index + 1)).status),
      );
      const gate = deliver({ policy, facts }, deliveries);
      expect(gate.isOver && !wasDecided).toBe(false);
      const after = deliver({ policy, facts }, [...deliveries, facts.length - 1]);
      expect(after.isOver).toBe(isDecided);
    },
  );

  test.each(['approved', 'rejected', 'revoked'] as const)(
    'is corrected by the recorded fact whose place a forged vote of %s had taken',
    (verdict) => {
      const real = aVote({ reviewerId: 'u_1' });
      const [forged] = deliverAll([aVote({ id: 'forged', verdict })]);
      expect(forged?.ready).toHaveLength(1);
      expect(deliverAll([real], forged?.inbox)).toMatchObject([{ ready: [], askStore: true }]);
    },
  );
});
