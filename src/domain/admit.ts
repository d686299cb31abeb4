import type { Fact } from './facts.js';

/** What a gate has counted, what waits behind a gap, and the `seq` that is due next. */
export type Inbox = {
  readonly due: number;
  /** The `seq` of the latest fact that the store's own answer held; what came before it is the store's. */
  readonly base: number;
  /** The ids of the facts counted since, by `seq` from `base + 1`. */
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

/** The inbox of a gate that begins with the store's answer, in which every fact up to `seq` is folded. */
export function inboxAfter(seq: number): Inbox {
  return { due: seq + 1, base: seq, countedIds: [], early: [] };
}

/**
 * Sorts one delivered fact into what may be counted now and what has to wait.
 *
 * A signal promises neither order, uniqueness nor truth, and the reconciler redelivers on purpose:
 *
 * 1. a fact that the store's answer held, that was counted since, or that waits already, changes nothing;
 * 2. a known `seq` under another id is not dropped silently: one of the two is forged, and only the
 *    store knows which;
 * 3. a fact is ready only when every lower `seq` is or was; while a gap stays open nothing behind
 *    it is counted, and the store is asked for what is missing;
 * 4. `ready` is in `seq` order, and no fact is in it twice in the life of a gate.
 */
export function admit(inbox: Inbox, fact: Fact): Admission {
  const nothing = { inbox, ready: [], askStore: false };
  if (fact.seq <= inbox.base) {
    return nothing;
  }
  if (fact.seq < inbox.due) {
    return { ...nothing, askStore: inbox.countedIds[fact.seq - inbox.base - 1] !== fact.id };
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
      base: inbox.base,
      due: inbox.due + count,
      countedIds: [...inbox.countedIds, ...ready.map(({ id }) => id)],
      early: held.slice(count),
    },
    ready,
    askStore: count < held.length,
  };
}
