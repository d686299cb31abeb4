import type { Change } from '../store/change-feed.js';

/** What a stream is told: a change, or null when some may have been missed. */
export type ChangeListener = {
  readonly onChange: (change: Change | null) => void;
  /** The process is about to end. */
  readonly onEnd: () => void;
};

/** Hands the changes that one connection to PostgreSQL tells of to everybody who looks on. */
export type ChangeHub = {
  publish(change: Change | null): void;
  /** @returns ends the subscription */
  subscribe(listener: ChangeListener): () => void;
  /** Ends every subscription, so that open streams do not keep a process alive. */
  end(): void;
};

/** Makes a hub without listeners. */
export function createChangeHub(): ChangeHub {
  const listeners = new Set<ChangeListener>();
  return {
    publish: (change) => {
      for (const { onChange } of listeners) {
        onChange(change);
      }
    },
    subscribe: (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    end: () => {
      for (const { onEnd } of listeners) {
        onEnd();
      }
      listeners.clear();
    },
  };
}
