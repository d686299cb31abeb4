import { createHash } from 'node:crypto';
import { blockOf, type Gate } from '../definitions.js';
import { FORCE_GROUP, PEOPLE, type Person } from '../directory.js';
import { canonical, groupBy, isObject, type Json, sha256, textAt } from '../json.js';
import type { Exchange, Purpose } from '../requests.js';
import type { Breach } from '../watch.js';
import type { Evidence, Index } from './evidence.js';
import type { FactRow, ReviewRow, RunRow, VersionRow } from './facts.js';
import { entriesFor, type Fact, type Given, mayVote, type Standing, standingOf } from './rules.js';

/** A review with the gate that its author declared, and where it stands by its facts. */
export type JudgedReview = {
  readonly row: ReviewRow;
  readonly gate: Gate;
  readonly facts: readonly FactRow[];
  readonly standing: Standing;
};

/** Where every review of the campaign stands, by the facts in the store and the rules of the checker. */
export function standings({ stored }: Evidence, index: Index): ReadonlyMap<string, JudgedReview> {
  const judged = new Map<string, JudgedReview>();
  for (const row of stored.reviews) {
    const run = index.runs.get(row.run_id);
    const gate = run === undefined ? null : blockOf(run.workflow, row.block_id).gate;
    if (gate !== null) {
      const facts = index.factsOfReview.get(row.id) ?? [];
      judged.set(row.id, { row, gate, facts, standing: standingOf(gate, facts.map(asFact)) });
    }
  }
  return judged;
}

function asFact(row: FactRow): Fact {
  const { kind, seq } = row;
  const by = personBehind(row.actor_id);
  switch (kind) {
    case 'release_requested':
    case 'cancelled':
      return { kind, seq };
    case 'withdrawn':
      return { kind, seq, by };
    case 'reassigned': {
      const to = { kind: row.to_kind ?? 'group', subject: row.to_subject ?? '' };
      return { kind, seq, entry: row.entry_key ?? '', to };
    }
    case 'vote':
      return {
        kind,
        seq,
        by,
        verdict: row.verdict ?? 'rejected',
        versionId: row.version_id ?? '',
        forced: row.forced ?? false,
      };
  }
}

/** Who is not in the directory may nothing. */
function personBehind(id: string): Person {
  return PEOPLE.find((one) => one.id === id) ?? { id, groups: [], isAdmin: false };
}

/** Judges what was recorded of votes against the rules, and against what clients sent and were answered. */
export function judgeVotes(
  evidence: Evidence,
  index: Index,
  reviews: ReadonlyMap<string, JudgedReview>,
): readonly Breach[] {
  const exchanges = groupBy(evidence.exchanges, ({ purpose }) =>
    'reviewId' in purpose ? purpose.reviewId : '',
  );
  const missing = [...exchanges.keys()].filter((id) => id !== '' && !reviews.has(id));
  return [
    ...missing.flatMap((id) =>
      (exchanges.get(id) ?? [])
        .filter(({ meaning }) => meaning === 'recorded' || meaning === 'done')
        .map((): Breach => ({
          promise: '1',
          what: `review ${id} is not in the store, and votes on it were acknowledged`,
        })),
    ),
    ...[...reviews.values()].flatMap((review) => {
      const versions = index.versionsOfReview.get(review.row.id) ?? [];
      const sent = exchanges.get(review.row.id) ?? [];
      const run = evidence.stored.runs.find(({ id }) => id === review.row.run_id);
      return [
        ...judgeNumbers(review),
        ...judgeFacts(review, versions, run?.status ?? ''),
        ...judgeStanding(review),
        ...judgeNews(review, run),
        ...judgeRelease(review, run),
        ...judgeVersions(review, versions, sent),
        ...judgeCounts(review, sent),
        ...judgeOtherActs(review, sent),
        ...judgeRefusals(review, versions, sent),
      ];
    }),
  ];
}

function judgeNumbers({ row, facts }: JudgedReview): readonly Breach[] {
  const isDense = facts.every(({ seq }, place) => seq === place + 1) && row.seq === facts.length;
  return isDense
    ? []
    : [
        {
          promise: '1',
          what: `review ${row.id} says it has ${row.seq} facts, and they are numbered ${facts.map(({ seq }) => seq).join(', ')}`,
        },
      ];
}

/** Whether everything that was recorded might be recorded, when it was. */
function judgeFacts(
  { row, gate, facts }: JudgedReview,
  versions: readonly VersionRow[],
  runStatus: string,
): readonly Breach[] {
  return facts.flatMap((fact, place): readonly Breach[] => {
    const before = standingOf(gate, facts.slice(0, place).map(asFact));
    const why =
      fact.kind === 'vote'
        ? faultOfVote(row, gate, fact, versions, before)
        : faultOfOther(row, gate, fact, before, runStatus);
    return why === null
      ? []
      : [
          {
            promise: fact.kind === 'cancelled' ? '10' : '2',
            what: `review ${row.id}, fact ${fact.seq} (${fact.kind} ${fact.verdict ?? ''} by ${fact.actor_id}): ${why}`,
          },
        ];
  });
}

function faultOfVote(
  row: ReviewRow,
  gate: Gate,
  fact: FactRow,
  versions: readonly VersionRow[],
  before: Standing,
): string | null {
  const by = personBehind(fact.actor_id);
  const version = versions.find(({ id }) => id === fact.version_id);
  if (version === undefined) {
    return `it names version ${fact.version_id}, which is none of this review`;
  }
  const about = {
    force: fact.forced ?? false,
    ownerId: row.owner_id,
    authorId: version.author_kind === 'human' ? version.author_id : null,
    given: before.given,
  };
  if (fact.verdict === 'approved') {
    if (!mayVote(gate, by, { ...about, verdict: 'approved' })) {
      return 'they may not approve it';
    }
    const isLate = before.status === 'APPROVED' && before.versionId === version.id;
    if (before.status !== 'PENDING' && !isLate) {
      return `it was ${before.status} already`;
    }
    const own = entriesFor(gate, by, before.given).filter(
      (key) => !about.force || key.startsWith(`group:${FORCE_GROUP}#`),
    );
    return sameTexts(own, fact.fills ?? [])
      ? null
      : `it fills ${(fact.fills ?? []).join(', ')} where they may fill ${own.join(', ')}`;
  }
  if (before.status === 'PENDING') {
    return fact.verdict === 'rejected' && mayVote(gate, by, { ...about, verdict: 'rejected' })
      ? null
      : 'they may not refuse it while it is open';
  }
  if (before.status !== 'APPROVED') {
    return `it was ${before.status} already`;
  }
  return by.id === row.owner_id || by.isAdmin ? null : 'they may not take the approval back';
}

function faultOfOther(
  row: ReviewRow,
  gate: Gate,
  fact: FactRow,
  before: Standing,
  runStatus: string,
): string | null {
  const by = personBehind(fact.actor_id);
  switch (fact.kind) {
    case 'release_requested':
      return gate.release === 'manual' &&
        before.status === 'APPROVED' &&
        (by.id === row.owner_id || by.isAdmin)
        ? null
        : 'nobody might ask for that release';
    case 'withdrawn':
      if (before.status !== 'PENDING' && before.status !== 'APPROVED') {
        return `it was ${before.status} already`;
      }
      return before.votes.some((vote) => vote.by.id === by.id && vote.verdict === 'approved')
        ? null
        : 'they have no approval that stands';
    case 'reassigned':
      return by.isAdmin && before.status === 'PENDING'
        ? null
        : 'they may not give that entry to anybody';
    default:
      // A rejection elsewhere may drop the iteration; that its run goes on otherwise is judged with the run.
      // A failure closes nothing: its run can be retried.
      return (runStatus === 'completed' || runStatus === 'error') && gate.on_reject !== 'drop'
        ? `its run is ${runStatus}, so nobody cancelled it`
        : null;
  }
}

/** Whether the stored state of a review is what follows from its facts. */
function judgeStanding({ row, standing, facts }: JudgedReview): readonly Breach[] {
  const allowed: Readonly<Record<Standing['status'], readonly string[]>> = {
    PENDING: ['PENDING'],
    APPROVED: ['APPROVED', 'PROCESSING', 'EXECUTED', 'UNKNOWN'],
    REJECTED: ['REJECTED'],
    REVOKED: ['REVOKED'],
  };
  const isVoted = standing.settledBy !== null && facts[standing.settledBy - 1]?.kind === 'vote';
  const isTrue =
    allowed[standing.status].includes(row.status) &&
    (standing.settledBy !== null || row.decision_seq === null) &&
    (!isVoted ||
      (row.decision_version_id === standing.versionId && row.decision_seq === standing.settledBy));
  return isTrue
    ? []
    : [
        {
          promise: '5',
          what: `review ${row.id} is stored as ${row.status} (version ${row.decision_version_id}, by fact ${row.decision_seq}), and its facts make it ${standing.status} (version ${standing.versionId}, by fact ${standing.settledBy})`,
        },
      ];
}

/** Whether the workflow that waits had to be told of what decided the review; in a run that failed nobody waits. */
function judgeNews(
  { row, facts, standing }: JudgedReview,
  run: RunRow | undefined,
): readonly Breach[] {
  const settling = facts.find(({ seq }) => seq === standing.settledBy);
  const isAfterFailure =
    run?.status === 'error' &&
    run.ended_at !== null &&
    settling !== undefined &&
    settling.created_at >= run.ended_at;
  return settling?.kind !== 'vote' || settling.owed || isAfterFailure
    ? []
    : [
        {
          promise: '1',
          what: `review ${row.id}: nobody had to be told of fact ${settling.seq}, which decided it`,
        },
      ];
}

/** Whether an approval that nothing holds back has released its step by itself, and no later than it was recorded. */
function judgeRelease(
  { row, gate, facts, standing }: JudgedReview,
  run: RunRow | undefined,
): readonly Breach[] {
  const settling = facts.find(({ seq }) => seq === standing.settledBy);
  if (gate.release !== 'auto' || standing.status !== 'APPROVED' || settling === undefined) {
    return [];
  }
  // In a run that has failed nothing goes on until somebody retries it.
  const endedAt = run?.ended_at ?? null;
  const hadEnded = endedAt !== null && settling.created_at >= endedAt;
  const laterMs =
    row.released_at === null
      ? Number.POSITIVE_INFINITY
      : row.released_at.getTime() - settling.created_at.getTime();
  return hadEnded || laterMs <= SAME_CHANGE_MS
    ? []
    : [
        {
          promise: '1',
          what: `review ${row.id} was approved by fact ${settling.seq}, and its step was ${row.released_at === null ? 'never released' : `released ${laterMs} ms later`}`,
        },
      ];
}

/** One transaction reads the clock more than once. */
const SAME_CHANGE_MS = 1_000;

/** Whether every version is what its author wrote, byte for byte, under the id that its content gives. */
function judgeVersions(
  { row }: JudgedReview,
  versions: readonly VersionRow[],
  sent: readonly Exchange[],
): readonly Breach[] {
  const corrections = sent.flatMap(({ purpose, meaning, status, body }) =>
    purpose.kind === 'correction'
      ? [
          {
            by: purpose.by,
            text: canonical(purpose.snapshot),
            meaning,
            id: status !== null && status < 300 ? textAt(body, 'id') : null,
          },
        ]
      : [],
  );
  const wrong = versions.flatMap((version): readonly string[] => {
    const { id, snapshot } = version;
    const value: Json | undefined = parsed(snapshot);
    if (value === undefined || canonical(value) !== snapshot) {
      return [`version ${id} is not stored in its canonical form`];
    }
    const isTold =
      version.snapshot_sha256 === sha256(snapshot) && id === versionIdOf(row.id, value);
    const isWritten =
      version.author_kind !== 'human' ||
      corrections.some(({ by, text }) => by === version.author_id && text === snapshot);
    return [
      ...(isTold ? [] : [`version ${id} has another id or hash than its content`]),
      ...(isWritten ? [] : [`version ${id} is not what ${version.author_id} sent`]),
    ];
  });
  const lost = corrections
    .filter(
      ({ id, text }) =>
        id !== null && versions.every((one) => one.id !== id || one.snapshot !== text),
    )
    .map(({ id }) => `version ${id} was acknowledged, and is not stored as it was sent`);
  return [...wrong, ...lost].map((what) => ({ promise: '4', what: `review ${row.id}: ${what}` }));
}

function parsed(text: string): Json | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** The id that a snapshot has under a review, as the contract publishes it. */
function versionIdOf(reviewId: string, snapshot: Json): string {
  const hash = createHash('sha256')
    .update(canonical({ review_id: reviewId, snapshot }), 'utf8')
    .digest()
    .subarray(0, 16);
  const bits = [...hash].map((byte) => byte.toString(2).padStart(8, '0')).join('');
  const letters = bits.match(/.{1,5}/g) ?? [];
  return `rvr_${letters.map((five) => BASE32[Number.parseInt(five.padEnd(5, '0'), 2)]).join('')}`;
}

type VotePurpose = Extract<Purpose, { kind: 'vote' }>;

/** Whether each vote that was acknowledged is in the store, once, and nothing else is. */
function judgeCounts(
  { row, facts, standing }: JudgedReview,
  sent: readonly Exchange[],
): readonly Breach[] {
  const votes = sent.flatMap((exchange) =>
    exchange.purpose.kind === 'vote' ? [{ ...exchange, purpose: exchange.purpose }] : [],
  );
  const keyOf = ({ by, verdict, versionId }: VotePurpose): string =>
    `${verdict} by ${by} of ${versionId}`;
  const recorded = groupBy(
    facts.filter(({ kind }) => kind === 'vote'),
    (fact) => `${fact.verdict} by ${fact.actor_id} of ${fact.version_id}`,
  );
  const asked = groupBy(votes, ({ purpose }) => keyOf(purpose));
  const breaches: string[] = [];
  for (const key of new Set([...recorded.keys(), ...asked.keys()])) {
    const stored = recorded.get(key) ?? [];
    const requests = asked.get(key) ?? [];
    const acknowledged = requests.filter(({ meaning }) => meaning === 'recorded');
    const open = requests.filter(({ meaning }) => meaning === 'perhaps');
    const done = requests.filter(({ meaning }) => meaning === 'done');
    // `done` without a count of its own: the hoop contract does not tell a new vote from a repeat.
    const most = acknowledged.length + open.length + done.length;
    if (stored.length < acknowledged.length) {
      breaches.push(
        `${acknowledged.length} times acknowledged as recorded, ${stored.length} times in the store: ${key}`,
      );
    }
    if (stored.length > most) {
      breaches.push(
        `${stored.length} times in the store, and sent without being refused ${most} times: ${key}`,
      );
    }
    const isDecidedSo = done.every(
      ({ purpose }) =>
        standing.versionId === purpose.versionId &&
        (purpose.verdict === 'approved') === (standing.status === 'APPROVED'),
    );
    const wasDecidedSo = facts.some(
      (fact) => fact.seq === standing.settledBy && fact.verdict !== 'approved',
    );
    if (done.length > 0 && stored.length === 0 && !isDecidedSo && !wasDecidedSo) {
      breaches.push(`acknowledged as holding, and neither in the store nor decided so: ${key}`);
    }
  }
  const byPerson = groupBy(
    facts.filter(({ kind }) => kind === 'vote' || kind === 'withdrawn'),
    ({ actor_id: id }) => id,
  );
  for (const [person, own] of byPerson) {
    const doubled = own.find((fact, place) => {
      const before = own[place - 1];
      return (
        before?.kind === fact.kind &&
        before.verdict === fact.verdict &&
        before.version_id === fact.version_id &&
        before.forced === fact.forced
      );
    });
    if (doubled !== undefined) {
      breaches.push(`fact ${doubled.seq} by ${person} says the same as the one of theirs before`);
    }
  }
  return breaches.map((what) => ({
    promise: what.includes('in the store, and') || what.startsWith('fact') ? '3' : '1',
    what: `review ${row.id}: ${what}`,
  }));
}

/** Whether each approval taken back and each entry given away is in the store as often as it was acknowledged, and nothing else is. */
function judgeOtherActs(
  { row, facts }: JudgedReview,
  sent: readonly Exchange[],
): readonly Breach[] {
  const acts = sent.flatMap(({ purpose, meaning }) =>
    purpose.kind === 'withdrawn' || purpose.kind === 'reassigned' ? [{ ...purpose, meaning }] : [],
  );
  const recorded = facts.filter(({ kind }) => kind === 'withdrawn' || kind === 'reassigned');
  const keys = new Set([
    ...acts.map(({ kind, by }) => `${kind} by ${by}`),
    ...recorded.map((fact) => `${fact.kind} by ${fact.actor_id}`),
  ]);
  return [...keys].flatMap((key): readonly Breach[] => {
    const stored = recorded.filter((fact) => `${fact.kind} by ${fact.actor_id}` === key).length;
    const own = acts.filter(({ kind, by }) => `${kind} by ${by}` === key);
    const least = own.filter(({ meaning }) => meaning === 'recorded').length;
    const most = own.filter(({ meaning }) => meaning !== 'refused').length;
    return stored >= least && stored <= most
      ? []
      : [
          {
            promise: stored < least ? '1' : '3',
            what: `review ${row.id}: ${key} is ${stored} times in the store, was acknowledged as recorded ${least} times, and sent without being refused ${most} times`,
          },
        ];
  });
}

/** Whether somebody was refused who might approve, whoever had which entry at that moment. */
function judgeRefusals(
  { row, gate, facts }: JudgedReview,
  versions: readonly VersionRow[],
  sent: readonly Exchange[],
): readonly Breach[] {
  const moments: readonly Given[] = [0, ...facts.map(({ seq }) => seq)].map(
    (seq) => standingOf(gate, facts.slice(0, seq).map(asFact)).given,
  );
  return sent.flatMap(({ purpose, meaning, status, body, dialect }): readonly Breach[] => {
    if (purpose.kind !== 'vote' || purpose.verdict !== 'approved' || meaning !== 'refused') {
      return [];
    }
    const version = versions.find(({ id }) => id === purpose.versionId);
    const about = {
      verdict: 'approved',
      force: purpose.force,
      ownerId: row.owner_id,
      authorId: version?.author_kind === 'human' ? version.author_id : null,
    } as const;
    const text = JSON.stringify(body);
    const isAboutThem = status === 403 || /not eligible|self approve|not a declared/.test(text);
    const mightAlways = moments.every((given) =>
      mayVote(gate, personBehind(purpose.by), { ...about, given }),
    );
    return isAboutThem && mightAlways
      ? [
          {
            promise: '6',
            what: `review ${row.id}: ${purpose.by} may approve, and was refused (${dialect}, ${status}): ${text}`,
          },
        ]
      : [];
  });
}

function sameTexts(one: readonly string[], other: readonly string[]): boolean {
  return one.toSorted().join(' ') === other.toSorted().join(' ');
}
