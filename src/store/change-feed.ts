import { isJsonObject } from '../domain/json.js';
import { listen } from './listen.js';

/** The channel on which triggers tell what changed; see the migration `0006_change_feed`. */
const CHANGE_CHANNEL = 'countersign_changes';

/** What can change under the eyes of somebody who looks at it. */
export const CHANGE_KINDS = ['review', 'run', 'step', 'definition'] as const;
export type ChangeKind = (typeof CHANGE_KINDS)[number];

/** One change: that it happened and to what, never what it was. */
export type Change = {
  readonly projectId: string;
  readonly kind: ChangeKind;
  readonly id: string;
  /** The run that it is part of; null for what belongs to none. */
  readonly runId: string | null;
};

/**
 * Tells of every committed change of reviews, runs, steps and definitions, as PostgreSQL notifies.
 *
 * @param onChange told of one change, or null when changes may have been missed (the connection was away)
 * @returns ends the feed
 */
export function followChanges(
  url: string,
  onChange: (change: Change | null) => void,
): () => Promise<void> {
  return listen(url, CHANGE_CHANNEL, (payload) => {
    onChange(payload === null ? null : parseChange(payload));
  });
}

/** Reads a notice; one that is not ours counts as a change that was missed. */
export function parseChange(payload: string): Change | null {
  const notice = tryParse(payload);
  const { project, kind, id, run = null } = isJsonObject(notice) ? notice : {};
  const known = CHANGE_KINDS.find((one) => one === kind);
  return typeof project === 'string' &&
    typeof id === 'string' &&
    known !== undefined &&
    (run === null || typeof run === 'string')
    ? { projectId: project, kind: known, id, runId: run }
    : null;
}

function tryParse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
