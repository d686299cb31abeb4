import { type Actor, SYSTEM } from '../../src/store/actors.js';
import type { Db } from '../../src/store/database.js';
import {
  recordVote as record,
  type VoteRequest,
  type VoteResult,
} from '../../src/store/record-vote.js';

/** Puts somebody into the directory as they are, and their token beside them. */
export async function enrol(db: Db, actor: Actor): Promise<void> {
  if (actor.kind !== 'person' || actor.projectId !== SYSTEM.projectId) {
    return;
  }
  const { projectId, id, name, email, tokenId } = actor;
  const values = { name, email, groups: [...actor.groups], roles: [...actor.roles] };
  await db
    .insertInto('person')
    .values({ projectId, id, directorySource: 'admin', ...values })
    .onConflict((conflict) =>
      conflict.columns(['projectId', 'id']).doUpdateSet({ ...values, removedAt: null }),
    )
    .execute();
  if (tokenId !== null) {
    await db
      .insertInto('token')
      .values({
        id: tokenId,
        projectId,
        personId: id,
        secretSha256: `of ${tokenId}`,
        createdBy: 'a test',
      })
      .onConflict((conflict) => conflict.column('id').doUpdateSet({ revokedAt: null }))
      .execute();
  }
}

/** Records an act of somebody whom the directory knows as they are: they are put there first. */
export async function recordVote(...call: Parameters<typeof record>): Promise<VoteResult> {
  const [db, actor] = call;
  await enrol(db, actor);
  return await record(...call);
}

/** The plainest approval: of the seed, by the native door, with no words. */
export const APPROVAL: VoteRequest = {
  command: {
    kind: 'vote',
    verdict: 'approved',
    versionId: null,
    force: false,
    mayWithdraw: false,
    refusedWhenFinal: false,
    timeWindow: null,
    acknowledgedVersionIds: [],
  },
  reason: null,
  dialect: 'native',
};
