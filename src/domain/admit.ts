import type { Fact } from './facts.js';

/** What a gate has counted, what waits behind a gap, and the `seq` that is due next. */
export type Inbox = {
  readonly due: number;
  /** The ids of the facts counted so far, by `seq` from 1. */
  readonly countedIds: readonly string[];
  readonly early: readonly Fact[];
};

/** What came of one delivered fact. */
export type Admission = {
  readonly inbox: Inbox;
  /** The facts to fold now, in `seq` order. */
  readonly ready: readonly Fact[];
  /** Something does not fit: the store's facts must be read before anything is concluded. */
  readonly askStore: boolean;
};

/** The inbox of a gate that has counted these facts, which are given in `seq` order from 1. */
export function inboxAfter(facts: readonly Fact[]): Inbox {
  return { due: facts.length + 1, countedIds: facts.map(({ id }) => id), early: [] };
}

/**
 * Sorts one delivered fact into what may be counted now and what has to wait.
 *
 * A signal promises neither order, uniqueness nor truth, and the reconciler redelivers on purpose:
 *
 * 1. a fact that was counted before, or waits already, changes nothing;
 * 2. a known `seq` under another id is not dropped silently: one of the two is forged, and only the
 *    store knows which;
 * 3. a fact is ready only when every lower `seq` is or was; while a gap stays open nothing behind
 *    it is counted, and the store is asked for what is missing;
 * 4. `ready` is in `seq` order, and no fact is in it twice in the life of a gate.
 */
export function admit(inbox: Inbox, fact: Fact): Admission {
  const nothing = { inbox, ready: [], askStore: false };
  if (fact.seq < inbox.due) {
    return { ...nothing, askStore: inbox.countedIds[fact.seq - 1] !== fact.id };
  }
  const waiting = inbox.early.find(({ seq }) => seq === fact.seq);
  if (waiting !== undefined) {
    return { ...nothing, askStore: waiting.id !== fact.id };
  }
  const held = [...inbox.early, fact].toSorted((a, b) => a.seq - b.seq);
  const gap = held.findIndex(({ seq }, index) => seq !== inbox.due + index);
  const count = gap === -1 ? held.length : gap;
  const ready = held.slice(0, count);
  return {
    inbox: {
      due: inbox.due + count,
      countedIds: [...inbox.countedIds, ...ready.map(({ id }) => id)],
      early: held.slice(count),
    },
    ready,
    askStore: count < held.length,
  };
}
