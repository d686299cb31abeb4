import { sql } from 'kysely';
import { type Db, inTransaction } from '../../src/store/database.js';

/** Marks the runs of copies, so that they can be told from real ones. */
const STARTED_BY = 'many-reviews';

/** What is copied, and how often. */
export type ManyReviews = {
  /** Open reviews on which nobody has acted yet; they are copied in turns. */
  readonly models: readonly string[];
  readonly count: number;
  /** Copies are owned by these in turns; null is nobody. */
  readonly owners?: readonly (string | null)[];
};

/**
 * Adds many open reviews in a few seconds, by SQL.
 *
 * The rows are copies of real ones, each with a run, a step, a version and entries of its own, and no workflow waits for them:
 * they can be looked at, and not decided. Their runs are marked as completed, so that neither the drift audit nor `doctor` looks
 * for workflows that never were. Copy number i has its number at the end of its name ("Invoice totals 00042") and is a few
 * minutes younger than the one before; every three are of the same instant. Nobody is told of them, as triggers do not fire.
 */
export async function addManyReviews(
  db: Db,
  { models, count, owners }: ManyReviews,
): Promise<void> {
  const chosen = owners ?? [null];
  await inTransaction(db, async (tx) => {
    // Without triggers and foreign keys: ten thousand rows are no ten thousand events.
    await sql`set local session_replication_role = replica`.execute(tx);
    await sql`
      create temporary table copy on commit drop as
      select model.id as model_id, model.run_id as model_run_id, model.step_id as model_step_id,
             model.newest_version_id as model_version_id, i,
             'rev_' || letters as review_id, 'run_' || letters as run_id, 'rvr_' || letters as version_id,
             'run_' || letters || substr(model.step_id, length(model.run_id) + 1) as step_id,
             (${chosen}::text[])[1 + i % ${chosen.length}::int] as owner_id,
             now()::timestamptz(3) - (${count}::int - i / 3 * 3) * interval '4 minutes' as created_at
        from generate_series(0, ${count}::int - 1) i
        join lateral (
          select left(translate(upper(md5('many reviews ' || i)), '0189', 'GHIJ'), 26) as letters) id on true
        join review model on model.id = (${models}::text[])[1 + i % ${models.length}::int]
       where model.status = 'PENDING' and model.seq = 0`.execute(tx);
    const { rows } = await sql<{
      copies: number;
    }>`select count(*)::int as copies from copy`.execute(tx);
    if (rows[0]?.copies !== count) {
      throw new Error('a model is no open review without votes: give ids of such reviews');
    }
    // A copy has every column of its model but those named, whatever columns there are.
    await sql`
      insert into run select made.* from copy join run model on model.id = copy.model_run_id,
        jsonb_populate_record(model, jsonb_build_object('id', copy.run_id, 'owner_id', copy.owner_id,
          'status', 'completed', 'started_by', ${STARTED_BY}::text, 'command_id', null, 'created_at', copy.created_at,
          'started_at', copy.created_at, 'ended_at', copy.created_at)) made`.execute(tx);
    await sql`
      insert into step select made.* from copy join step model on model.id = copy.model_step_id,
        jsonb_populate_record(model, jsonb_build_object('id', copy.step_id, 'run_id', copy.run_id, 'holder', null,
          'created_at', copy.created_at, 'started_at', copy.created_at)) made`.execute(tx);
    await sql`
      insert into review select made.* from copy join review model on model.id = copy.model_id,
        jsonb_populate_record(model, jsonb_build_object('id', copy.review_id, 'run_id', copy.run_id,
          'step_id', copy.step_id, 'newest_version_id', copy.version_id, 'owner_id', copy.owner_id, 'created_at', copy.created_at,
          'gate', model.gate || jsonb_build_object('name',
            coalesce(model.gate->>'name', model.block_id) || to_char(copy.i, ' FM00000')))) made`.execute(
      tx,
    );
    await sql`
      insert into version select made.* from copy join version model on model.id = copy.model_version_id,
        jsonb_populate_record(model, jsonb_build_object('id', copy.version_id, 'review_id', copy.review_id, 'ordinal', 0,
          'parent_id', null, 'created_at', copy.created_at)) made`.execute(tx);
    await sql`
      insert into entry select made.* from copy join entry model on model.review_id = copy.model_id,
        jsonb_populate_record(model, jsonb_build_object('id', gen_random_uuid(), 'review_id', copy.review_id)) made`.execute(
      tx,
    );
  });
  await analyze(db);
}

/** Removes every copy. */
export async function removeManyReviews(db: Db): Promise<void> {
  await inTransaction(db, async (tx) => {
    await sql`set local session_replication_role = replica`.execute(tx);
    await sql`
      create temporary table copy on commit drop as
      select review.id from review join run on run.id = review.run_id where run.started_by = ${STARTED_BY}`.execute(
      tx,
    );
    await sql`delete from entry using copy where entry.review_id = copy.id`.execute(tx);
    await sql`delete from version using copy where version.review_id = copy.id`.execute(tx);
    await sql`delete from review using copy where review.id = copy.id`.execute(tx);
    await sql`delete from step using run where step.run_id = run.id and run.started_by = ${STARTED_BY}`.execute(
      tx,
    );
    await sql`delete from run where started_by = ${STARTED_BY}`.execute(tx);
  });
  await analyze(db);
}

/** What PostgreSQL does by itself within a minute of such a change: it plans by what it believes to be there. */
async function analyze(db: Db): Promise<void> {
  await sql`vacuum (analyze) run, step, review, version, entry`.execute(db);
}
