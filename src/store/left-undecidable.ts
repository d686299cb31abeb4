import { sql } from 'kysely';
import type { Voter } from '../domain/people.js';
import { isUndecidable } from '../domain/waiting.js';
import type { Db } from './database.js';
import { personAsVoter } from './people.js';
import { readRuleables } from './reviews.js';
import type { PersonRow, ReviewRow } from './tables.js';

/** Reviews that nobody can decide any more: so many of those that were looked at, and the first of them. */
export type Undecidable = {
  readonly count: number;
  readonly reviewIds: readonly string[];
  /** There are more reviews that the change may concern than were looked at. */
  readonly isMore: boolean;
};

/** How many reviews are looked at, and how many are named. */
const LOOKED_AT = 1_000;
const NAMED = 20;

/** A person before and after they were changed; null where there was or is none. */
export type PersonChange = {
  readonly before: PersonRow | null;
  readonly after: PersonRow | null;
};

/**
 * The undecided reviews that nobody can decide any more because of a change to one person.
 *
 * It looks at those that wait for an entry which the person could fill before, and no longer can; what
 * was stuck already is not of this change.
 */
export async function listLeftUndecidable(
  db: Db,
  projectId: string,
  change: PersonChange,
): Promise<Undecidable> {
  const { before, after } = change;
  if (before === null || before.removedAt !== null) {
    return { count: 0, reviewIds: [], isMore: false };
  }
  const rows = await listWaitingForPerson(db, projectId, before, after);
  const others = await listOthers(db, projectId, before.id);
  const withPerson = (person: PersonRow | null): readonly Voter[] =>
    person === null ? others : [...others, personAsVoter(person)];
  const now = withPerson(after);
  const then = withPerson(before);
  const reviews = await readRuleables(db, rows.slice(0, LOOKED_AT));
  const stuck = reviews
    .filter((review) => isUndecidable(review, now) && !isUndecidable(review, then))
    .map(({ id }) => id);
  return {
    count: stuck.length,
    reviewIds: stuck.slice(0, NAMED),
    isMore: rows.length > LOOKED_AT,
  };
}

async function listWaitingForPerson(
  db: Db,
  projectId: string,
  before: PersonRow,
  after: PersonRow | null,
): Promise<readonly ReviewRow[]> {
  const lostGroups = before.groups.filter((group) => !(after?.groups.includes(group) ?? false));
  const isReviewer = ({ roles }: PersonRow): boolean => roles.includes('reviewer');
  const isAdmin = ({ roles }: PersonRow): boolean => roles.includes('admin');
  const lost = [
    sql`(entry.kind = 'group' and entry.subject = any(${lostGroups}::text[]))`,
    ...(after === null ? [sql`(entry.kind = 'reviewer' and entry.subject = ${before.id})`] : []),
    ...(isReviewer(before) && (after === null || !isReviewer(after))
      ? [sql`entry.kind = 'anyone'`]
      : []),
    // Who is an admin no longer can no longer approve what runs on their own behalf.
    ...(isAdmin(before) && after !== null && !isAdmin(after)
      ? [sql`review.owner_id = ${before.id}`]
      : []),
  ];
  const { rows } = await sql<ReviewRow>`
    select * from review
     where project_id = ${projectId} and status = 'PENDING' and exists (
       select 1 from entry where entry.review_id = review.id and entry.project_id = ${projectId}
          and entry.status = 'PENDING' and (${sql.join(lost, sql` or `)}))
     order by created_at, id limit ${LOOKED_AT + 1}`.execute(db);
  return rows;
}

async function listOthers(db: Db, projectId: string, personId: string): Promise<readonly Voter[]> {
  const people = await db
    .selectFrom('person')
    .selectAll()
    .where('projectId', '=', projectId)
    .where('removedAt', 'is', null)
    .where('id', '<>', personId)
    .execute();
  return people.map(personAsVoter);
}
