import type { AnyStatus } from '../api/wire.js';

type Tone = 'waiting' | 'good' | 'bad' | 'busy' | 'over' | 'doubt';

const WORDS: Readonly<Record<AnyStatus, readonly [string, Tone]>> = {
  PENDING: ['Pending', 'waiting'],
  APPROVED: ['Approved', 'good'],
  REJECTED: ['Rejected', 'bad'],
  REVOKED: ['Revoked', 'over'],
  PROCESSING: ['Processing', 'busy'],
  EXECUTED: ['Executed', 'good'],
  UNKNOWN: ['Outcome unknown', 'doubt'],
  pending: ['Pending', 'over'],
  queued: ['Queued', 'over'],
  running: ['Running', 'busy'],
  awaiting_review: ['Awaiting review', 'waiting'],
  completed: ['Completed', 'good'],
  error: ['Error', 'bad'],
  skipped: ['Skipped', 'over'],
  cancelled: ['Cancelled', 'over'],
};

/** Where something stands: a word, and a dot for those who scan. */
export function Status({ of }: { readonly of: AnyStatus }) {
  const [word, tone] = WORDS[of];
  return (
    <span className="status" data-tone={tone}>
      {word}
    </span>
  );
}
