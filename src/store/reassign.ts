import type { Assignee } from '../domain/policy.js';
import { type Actor } from './actors.js';
import { type Db, inTransaction, type Tx } from './database.js';
import type { Dialect } from './record-fact.js';
import { recordVoteLocked, type VoteResult } from './record-vote.js';
import { lockReview } from './reviews.js';
import { readVoter } from './voter.js';

/** An entry of a review to be filled by somebody else, and why. */
export type Reassignment = {
  /** The key of the entry, or its id. */
  readonly entry: string;
  readonly to: Assignee;
  readonly reason: string;
  readonly dialect: Dialect;
};

/**
 * Gives an entry of an undecided review to somebody else, as a fact, or says every reason why not.
 *
 * One transaction, in which the person, or the group's members, are found in the directory.
 *
 * @param leaseMs how long the caller alone may forward it (0: leave it to the senders)
 */
export async function reassignEntry(
  db: Db,
  actor: Actor,
  reviewId: string,
  { entry, to, reason, dialect }: Reassignment,
  leaseMs: number,
): Promise<VoteResult> {
  return await inTransaction(db, async (tx) => {
    const locked = await lockReview(tx, actor.projectId, reviewId);
    if (locked === null) {
      return { kind: 'not_found' };
    }
    const voter = await readVoter(tx, actor);
    if (voter === null) {
      return { kind: 'signed_out' };
    }
    const isAssigneeKnown = await isKnown(tx, actor.projectId, to);
    const key = await keyOfEntry(tx, reviewId, entry);
    const command = { kind: 'reassign', entry: key, to, isAssigneeKnown } as const;
    return await recordVoteLocked(tx, locked, voter, { command, reason, dialect }, leaseMs);
  });
}

async function isKnown(tx: Tx, projectId: string, { kind, subject }: Assignee): Promise<boolean> {
  const person = await tx
    .selectFrom('person')
    .select('id')
    .where('projectId', '=', projectId)
    .where('removedAt', 'is', null)
    .$if(kind === 'reviewer', (query) => query.where('id', '=', subject))
    .$if(kind === 'group', (query) =>
      query.where((eb) => eb(eb.val(subject), '=', eb.fn.any('groups'))),
    )
    .limit(1)
    .executeTakeFirst();
  return person !== undefined;
}

async function keyOfEntry(tx: Tx, reviewId: string, entry: string): Promise<string> {
  const rows = await tx
    .selectFrom('entry')
    .select(['id', 'key'])
    .where('reviewId', '=', reviewId)
    .execute();
  return rows.find(({ id, key }) => id === entry || key === entry)?.key ?? entry;
}
