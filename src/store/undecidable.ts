import { sql } from 'kysely';
import { lackedEntries } from '../domain/decidable.js';
import { describeEntries } from '../domain/decide.js';
import { hasRole, type Voter } from '../domain/people.js';
import { type Entry, entriesOf } from '../domain/policy.js';
import { foldReview } from '../domain/review-state.js';
import type { Db } from './database.js';
import { listPeople, personAsVoter } from './people.js';
import { listFactsOfReviews, readFact } from './reviews.js';

/** An undecided review that the people there are cannot approve any more. */
export type UndecidableReview = {
  readonly reviewId: string;
  readonly projectId: string;
  readonly runId: string;
  readonly blockId: string;
  /** The entries for which there is nobody. */
  readonly missing: readonly Entry[];
  /** The same in words: `a member of finance, reviewer u_legal`. */
  readonly lacks: string;
};

/** Which reviews are looked at; all of them unless narrowed. */
export type UndecidableFilter = {
  readonly projectId?: string;
  /** Those behind this one, in the order in which they opened. */
  readonly afterReviewId?: string;
  /** Those with an open entry that this person could fill, as they were before they left. */
  readonly concerning?: Voter;
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
 * Counting members of groups in SQL leaves few suspects, and the domain's rule judges those.
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
    const page = await listSuspects(db, { ...filter, afterReviewId: next });
    reviews.push(...(await judge(db, directory, page.suspects)));
    next = page.next;
    if (next === null || reviews.length >= limit) {
      return { reviews, next };
    }
  }
}

/**
 * One page of open reviews: those among them where some entry has too few people.
 *
 * Too few is less than the group's own entries, or, where a person fills one entry only, than all
 * entries: whoever has as many people as that can always be seated. Votes that stand are left out of
 * the account, so a suspect may yet prove decidable, and none that is undecidable is missed.
 */
async function listSuspects(
  db: Db,
  filter: Omit<UndecidableFilter, 'afterReviewId'> & { readonly afterReviewId: string | null },
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
    ...(concerning === undefined ? [] : [waitsFor(concerning)]),
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

function waitsFor({ id, groups, roles }: Voter): ReturnType<typeof sql> {
  const theirs = [
    sql`(entry.kind = 'group' and entry.subject = any(${[...groups]}::text[]))`,
    sql`(entry.kind = 'reviewer' and entry.subject = ${id})`,
    ...(roles.includes('reviewer') ? [sql`entry.kind = 'anyone'`] : []),
  ];
  return sql`review.id in (
    select entry.review_id from entry
     where entry.project_id = review.project_id and entry.status = 'PENDING'
       and (${sql.join(theirs, sql` or `)}))`;
}

/** Those of the suspects that are undecided still, and that nobody can approve. */
async function judge(
  db: Db,
  directory: Directory,
  ids: readonly string[],
): Promise<readonly UndecidableReview[]> {
  if (ids.length === 0) {
    return [];
  }
  const rows = await db
    .selectFrom('review')
    .where('id', 'in', [...ids])
    .where('status', '=', 'PENDING')
    .select(['id', 'projectId', 'runId', 'blockId', 'ownerId', 'policy', 'newestVersionId'])
    .orderBy('projectId')
    .orderBy('createdAt')
    .orderBy('id')
    .execute();
  const facts = await listFactsOfReviews(db, ids);
  const versions = await db
    .selectFrom('version')
    .where('reviewId', 'in', [...ids])
    .select(['id', 'reviewId', 'authorKind', 'authorId'])
    .orderBy('reviewId')
    .orderBy('ordinal')
    .execute();
  const found: UndecidableReview[] = [];
  for (const { id, projectId, runId, blockId, ownerId, policy, newestVersionId } of rows) {
    const state = foldReview(policy, (facts.get(id) ?? []).map(readFact));
    const people = await directory.peopleFor(projectId, ownerId, [
      ...entriesOf(state.policy),
      ...state.policy.forceApprovalGroups.map((subject) => ({ kind: 'group', subject }) as const),
    ]);
    const missing = lackedEntries(
      {
        ownerId,
        state,
        newestVersionId,
        versions: versions
          .filter(({ reviewId }) => reviewId === id)
          .map((version) => ({
            id: version.id,
            authorId: version.authorKind === 'human' ? version.authorId : null,
          })),
      },
      people,
    );
    if (missing.length > 0) {
      const lacks = describeEntries(state.policy, missing);
      found.push({ reviewId: id, projectId, runId, blockId, missing, lacks });
    }
  }
  return found;
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
