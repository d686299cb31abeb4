import { sql } from 'kysely';
import { describeLack, lackedEntries } from '../domain/decidable.js';
import type { LockedReview } from '../domain/decide.js';
import { hasRole, type Role, type Voter } from '../domain/people.js';
import { type Entry, entriesOf } from '../domain/policy.js';
import type { Db } from './database.js';
import { listPeople, personAsVoter } from './people.js';
import { readRuleables } from './reviews.js';
import type { PersonRow, ReviewRow } from './tables.js';

/** An undecided review that the people there are cannot approve any more. */
export type UndecidableReview = {
  readonly reviewId: string;
  readonly projectId: string;
  readonly runId: string;
  readonly blockId: string;
  /** The entries for which there is nobody. */
  readonly missing: readonly Entry[];
  /** Who they are, and what to do, in words (see `describeLack`). */
  readonly lack: string;
};

/** Which reviews are looked at; all of them unless narrowed. */
export type UndecidableFilter = {
  readonly projectId?: string;
  /** Those behind this one, in the order in which they opened. */
  readonly afterReviewId?: string;
};

/** What was found, and the review behind which to go on; null at the end. */
export type UndecidablePage = {
  readonly reviews: readonly UndecidableReview[];
  readonly next: string | null;
};

/** How many open reviews one statement looks at. */
const PAGE = 1_000;

/**
 * Lists undecided reviews that nobody can approve any more, in the order in which they opened.
 *
 * @param limit how many to find at most before it stops; the last page of a search may be longer
 */
export async function listUndecidableReviews(
  db: Db,
  limit: number,
  filter: UndecidableFilter = {},
): Promise<UndecidablePage> {
  const reviews: UndecidableReview[] = [];
  const directory = new Directory(db);
  let next = filter.afterReviewId ?? null;
  for (;;) {
    const page = await pageOfUndecidable(db, directory, { ...filter, afterReviewId: next });
    reviews.push(...page.found.map(({ undecidable }) => undecidable));
    next = page.next;
    if (next === null || reviews.length >= limit) {
      return { reviews, next };
    }
  }
}

/** Those that a change of a person has made so: how many, and the first of them. */
type LeftUndecidable = {
  readonly count: number;
  readonly reviewIds: readonly string[];
  /** There are more reviews that the change may concern than were looked at. */
  readonly isMore: boolean;
};

/** How many of them are named. */
const NAMED = 20;

/** A person before and after they were changed; null where there was or is none. */
export type PersonChange = {
  readonly before: PersonRow | null;
  readonly after: PersonRow | null;
};

/**
 * Finds the undecided reviews that nobody can decide any more since a person has changed.
 *
 * It looks at one page of those that the change may concern; what could not be decided before either is
 * not of this change.
 */
export async function findLeftUndecidable(
  db: Db,
  projectId: string,
  { before, after }: PersonChange,
): Promise<LeftUndecidable> {
  if (before === null || before.removedAt !== null) {
    return { count: 0, reviewIds: [], isMore: false };
  }
  const filter = { projectId, afterReviewId: null, concerning: lostBy(before, after) };
  const { found, next } = await pageOfUndecidable(db, new Directory(db), filter);
  const left = found.filter(({ review, people }) => {
    const then = [...people.filter(({ id }) => id !== before.id), personAsVoter(before)];
    return lackedEntries(review, then).length === 0;
  });
  return {
    count: left.length,
    reviewIds: left.slice(0, NAMED).map(({ review }) => review.id),
    isMore: next !== null,
  };
}

/** What somebody could do, and can do no longer. */
type Lost = {
  readonly groups: readonly string[];
  /** They are there no more, under this id. */
  readonly reviewerId: string | null;
  /** They review no more. */
  readonly isReviewer: boolean;
  /** They are an admin no more, who may approve what runs on their own behalf. */
  readonly adminId: string | null;
};

function lostBy(before: PersonRow, after: PersonRow | null): Lost {
  const hasLost = (role: Role): boolean =>
    before.roles.includes(role) && after?.roles.includes(role) !== true;
  return {
    groups: before.groups.filter((group) => after?.groups.includes(group) !== true),
    reviewerId: after === null ? before.id : null,
    isReviewer: hasLost('reviewer'),
    adminId: after !== null && hasLost('admin') ? before.id : null,
  };
}

/** One that was found, with what it was judged by. */
type Judged = {
  readonly undecidable: UndecidableReview;
  readonly review: LockedReview;
  readonly people: readonly Voter[];
};

type PageFilter = {
  readonly projectId?: string;
  readonly afterReviewId: string | null;
  /** Those that may have been decidable only with what somebody has lost. */
  readonly concerning?: Lost;
};

/**
 * Those of one page of open reviews that nobody can approve, and the review behind which to go on.
 *
 * Counting members of groups in SQL leaves few suspects, and the domain's rule judges those.
 */
async function pageOfUndecidable(
  db: Db,
  directory: Directory,
  filter: PageFilter,
): Promise<{ readonly found: readonly Judged[]; readonly next: string | null }> {
  const { suspects, next } = await listSuspects(db, filter);
  return { found: await judge(db, directory, suspects), next };
}

/**
 * One page of open reviews: those among them where some entry has too few people.
 *
 * Too few is less than the group's own entries, or, where a person fills one entry only, or an entry was
 * reassigned, which whoever fills it fills alone, than all entries: whoever has as many people as that can
 * always be seated. Votes that stand are left out of the account, so a suspect may yet prove decidable, and
 * none that is undecidable is missed.
 */
async function listSuspects(
  db: Db,
  filter: PageFilter,
): Promise<{ readonly suspects: readonly string[]; readonly next: string | null }> {
  const { projectId, afterReviewId, concerning } = filter;
  const within = [
    sql`review.status = 'PENDING'`,
    ...(projectId === undefined ? [] : [sql`review.project_id = ${projectId}`]),
    ...(afterReviewId === null
      ? []
      : [
          sql`(review.project_id, review.created_at, review.id) > (
                select last.project_id, last.created_at, last.id from review last
                 where last.id = ${afterReviewId})`,
        ]),
    ...(concerning === undefined ? [] : [mayHaveWaitedFor(concerning)]),
  ];
  const { rows } = await sql<{ id: string; isSuspect: boolean }>`
    with page as materialized (
      select review.id, review.project_id, review.created_at, review.owner_id, review.policy
        from review where ${sql.join(within, sql` and `)}
       order by review.project_id, review.created_at, review.id limit ${PAGE}),
    needed as (
      select page.id, entry.kind, entry.subject, count(*) as required,
             sum(count(*)) over (partition by page.id) as of_all
        from page join entry on entry.review_id = page.id and entry.mandatory
       group by page.id, entry.kind, entry.subject),
    present as materialized (
      select project_id, id, groups, roles from person where removed_at is null),
    available as materialized (
      select project_id, 'group' as kind, name as subject, count(*) as people
        from present, unnest(groups) name group by project_id, name
      union all
      select project_id, 'anyone', '', count(*) from present
       where 'reviewer' = any(roles) group by project_id
      union all
      select project_id, 'reviewer', id, 1 from present)
    select page.id, coalesce(bool_or(
             coalesce(available.people, 0) - (case when owner.id is null then 0 else 1 end)
               < case when page.policy->>'onePersonOneEntry' = 'true'
                        or exists (select 1 from fact where fact.review_id = page.id
                                      and fact.kind = 'reassigned')
                      then needed.of_all else needed.required end), false) as is_suspect
      from page
      left join needed on needed.id = page.id
      left join available on available.project_id = page.project_id
       and available.kind = needed.kind and available.subject = needed.subject
      left join present owner on owner.project_id = page.project_id and owner.id = page.owner_id
       and not ('admin' = any(owner.roles) and page.policy->>'selfApproval' = 'admins')
       and case needed.kind when 'group' then needed.subject = any(owner.groups)
                            when 'reviewer' then needed.subject = owner.id
                            else 'reviewer' = any(owner.roles) end
     group by page.project_id, page.created_at, page.id
     order by page.project_id, page.created_at, page.id`.execute(db);
  return {
    suspects: rows.filter(({ isSuspect }) => isSuspect).map(({ id }) => id),
    next: rows.length < PAGE ? null : (rows.at(-1)?.id ?? null),
  };
}

function mayHaveWaitedFor({
  groups,
  reviewerId,
  isReviewer,
  adminId,
}: Lost): ReturnType<typeof sql> {
  const ofGroups = sql`${[...groups]}::text[]`;
  const theirs = [
    sql`(entry.kind = 'group' and entry.subject = any(${ofGroups}))`,
    ...(reviewerId === null
      ? []
      : [sql`(entry.kind = 'reviewer' and entry.subject = ${reviewerId})`]),
    ...(isReviewer ? [sql`entry.kind = 'anyone'`] : []),
  ];
  return sql`(exists (
      select from entry
       where entry.review_id = review.id and entry.status = 'PENDING'
         and (${sql.join(theirs, sql` or `)}))
    or review.policy->'forceApprovalGroups' ?| ${ofGroups}
    or review.owner_id = ${adminId}::text)`;
}

/** Those of the suspects that are undecided still, and that nobody can approve. */
async function judge(
  db: Db,
  directory: Directory,
  ids: readonly string[],
): Promise<readonly Judged[]> {
  if (ids.length === 0) {
    return [];
  }
  const rows = await db
    .selectFrom('review')
    .selectAll()
    .where('id', 'in', [...ids])
    .orderBy('projectId')
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
  const rowsById = new Map(rows.map((row) => [row.id, row]));
  const found: Judged[] = [];
  for (const review of await readRuleables(db, rows)) {
    const row = rowsById.get(review.id);
    const judged = row === undefined ? null : await judgeOne(directory, row, review);
    found.push(...(judged === null ? [] : [judged]));
  }
  return found;
}

async function judgeOne(
  directory: Directory,
  { projectId, runId, blockId }: ReviewRow,
  review: LockedReview,
): Promise<Judged | null> {
  const { policy } = review.state;
  const people = await directory.peopleFor(projectId, review.ownerId, [
    ...entriesOf(policy),
    ...policy.forceApprovalGroups.map((subject) => ({ kind: 'group', subject }) as const),
  ]);
  const missing = lackedEntries(review, people);
  const lack = describeLack(policy, missing);
  const undecidable = { reviewId: review.id, projectId, runId, blockId, missing, lack };
  return missing.length === 0 ? null : { undecidable, review, people };
}

type Subject = Pick<Entry, 'kind' | 'subject'>;

const ANYONE: Subject = { kind: 'anyone', subject: '' };

/** Who may fill what, of each project that is asked about; read once. */
class Directory {
  readonly #db: Db;
  readonly #projects = new Map<string, Promise<ReadonlyMap<string, readonly Voter[]>>>();

  constructor(db: Db) {
    this.#db = db;
  }

  /**
   * People enough to judge these entries by: of each kind of entry as many as there are entries, and
   * the owner, whoever else is there.
   */
  async peopleFor(
    projectId: string,
    ownerId: string | null,
    entries: readonly Subject[],
  ): Promise<readonly Voter[]> {
    const known = this.#projects.get(projectId) ?? this.#read(projectId);
    this.#projects.set(projectId, known);
    const bySubject = await known;
    const people = new Map<string, Voter>();
    for (const entry of entries) {
      const all = bySubject.get(keyOf(entry)) ?? [];
      const some = all.filter(({ id }) => id !== ownerId).slice(0, entries.length + 1);
      for (const person of [...some, ...all.filter(({ id }) => id === ownerId)]) {
        people.set(person.id, person);
      }
    }
    return [...people.values()];
  }

  async #read(projectId: string): Promise<ReadonlyMap<string, readonly Voter[]>> {
    const bySubject = new Map<string, Voter[]>();
    for (const person of (await listPeople(this.#db, projectId)).map(personAsVoter)) {
      const subjects: Subject[] = [
        { kind: 'reviewer', subject: person.id },
        ...(hasRole(person, 'reviewer') ? [ANYONE] : []),
        ...person.groups.map((subject) => ({ kind: 'group' as const, subject })),
      ];
      for (const key of subjects.map(keyOf)) {
        const others = bySubject.get(key);
        if (others === undefined) {
          bySubject.set(key, [person]);
        } else {
          others.push(person);
        }
      }
    }
    return bySubject;
  }
}

function keyOf({ kind, subject }: Subject): string {
  return `${kind}:${subject}`;
}
