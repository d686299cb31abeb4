import type { VoteRecorded } from './facts.js';
import type { Policy } from './policy.js';
import { tallyApprovals } from './tally.js';

/**
 * The votes that stand, kept so that adding one costs little however many there are.
 *
 * Only a fold holds one, and only while it folds.
 */
export class Standing {
  private readonly byPerson = new Map<string, readonly VoteRecorded[]>();
  private readonly byVersion = new Map<string, Map<string, VoteRecorded>>();
  /** Of each version the entries that are filled, where nothing has been taken away since they were counted. */
  private readonly filled = new Map<string, ReadonlySet<string>>();

  constructor(votes: readonly VoteRecorded[]) {
    for (const vote of votes) {
      this.add(vote);
    }
  }

  /** Puts a vote in the place of what the same person said before. */
  add(vote: VoteRecorded): void {
    const { reviewerId, versionId, verdict } = vote;
    const before = this.byPerson.get(reviewerId) ?? [];
    this.remove(reviewerId);
    const isRefusal = verdict !== 'approved';
    this.byPerson.set(reviewerId, [...(isRefusal ? before.filter(isForced) : []), vote]);
    if (!isRefusal) {
      const approvals = this.byVersion.get(versionId) ?? new Map<string, VoteRecorded>();
      this.byVersion.set(versionId, approvals.set(reviewerId, vote));
    }
  }

  /** Takes away whatever a person has said. */
  remove(reviewerId: string): void {
    for (const { versionId } of this.byPerson.get(reviewerId) ?? []) {
      this.byVersion.get(versionId)?.delete(reviewerId);
      this.filled.delete(versionId);
    }
    this.byPerson.delete(reviewerId);
  }

  /** Forgets what was counted: by other rules it may come out otherwise. */
  recount(): void {
    this.filled.clear();
  }

  /** The standing approvals of a version, in `seq` order. */
  approvalsOf(versionId: string): readonly VoteRecorded[] {
    return [...(this.byVersion.get(versionId)?.values() ?? [])];
  }

  /** Whether the approvals of a vote's version suffice, of which it is the latest. */
  isCompletedBy(policy: Policy, { versionId, fills }: VoteRecorded): boolean {
    const counted = this.filled.get(versionId);
    // Where a person fills all of theirs, an approval of what is filled already leaves all as it was.
    const isPlain = !policy.onePersonOneEntry && (policy.reassigned ?? []).length === 0;
    if (isPlain && counted !== undefined && fills.every((key) => counted.has(key))) {
      return false;
    }
    const { complete, filled } = tallyApprovals(policy, this.approvalsOf(versionId));
    this.filled.set(versionId, new Set(filled.keys()));
    return complete;
  }

  /** All votes, in `seq` order. */
  votes(): readonly VoteRecorded[] {
    return [...this.byPerson.values()].flat().toSorted((a, b) => a.seq - b.seq);
  }
}

function isForced({ forced, verdict }: VoteRecorded): boolean {
  return forced && verdict === 'approved';
}
