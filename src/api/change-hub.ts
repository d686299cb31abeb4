import type { Change } from '../store/change-feed.js';

/** What a stream is told: a change, or null when some may have been missed. */
export type ChangeListener = {
  readonly onChange: (change: Change | null) => void;
  /** The process is about to end. */
  readonly onEnd: () => void;
};

/** Hands the changes that one reader of the log finds to everybody in this process who looks on. */
export type ChangeHub = {
  /**
   * From the first `null` on, which comes as soon as the log is followed, a listener hears of every change.
   *
   * @returns ends the subscription
   */
  subscribe(listener: ChangeListener): () => void;
  /** Ends every subscription, so that open streams do not keep a process alive. */
  end(): Promise<void>;
};

/** A reader of the log, and whether it has told anything yet. */
type Following = {
  readonly progress: { readonly isThere: boolean };
  readonly end: () => Promise<void>;
};

/**
 * Makes a hub without listeners. The log is read only while there are some.
 *
 * @param follow begins to follow the log, and returns what ends that; `tell` gets null once it does follow
 */
export function createChangeHub(
  follow: (tell: (change: Change | null) => void) => () => Promise<void>,
): ChangeHub {
  const listeners = new Set<ChangeListener>();
  const ending = new Set<Promise<void>>();
  let following: Following | null = null;

  const begin = (): Following => {
    const progress = { isThere: false };
    const end = follow((change) => {
      progress.isThere = true;
      for (const { onChange } of listeners) {
        onChange(change);
      }
    });
    return { progress, end };
  };
  const leave = (): void => {
    const ended = following?.end() ?? Promise.resolve();
    following = null;
    ending.add(ended);
    void ended.finally(() => ending.delete(ended));
  };

  return {
    subscribe: (listener) => {
      listeners.add(listener);
      if (following === null) {
        following = begin();
      } else if (following.progress.isThere) {
        listener.onChange(null);
      }
      return () => {
        if (listeners.delete(listener) && listeners.size === 0) {
          leave();
        }
      };
    },
    end: async () => {
      for (const { onEnd } of listeners) {
        onEnd();
      }
      listeners.clear();
      leave();
      await Promise.all(ending);
    },
  };
}
