import type { Entry, Explanation, Review, SubmitResponse, Version } from '../../client/index.js';
import { printable, printableJson, printableLines, say } from './printable.js';
import { type Style, statusPaint } from './style.js';
import { type Cell, fields, table } from './table.js';
import { showDue, showTime } from './time.js';

/** A review as it is listed, with when it is due where that was asked for. */
export type ListedReview = Review & { readonly due_at?: string | null };

/** Reviews, one a line; when they are due where any of them is. */
export function showReviews(style: Style, reviews: readonly ListedReview[], none: string): string {
  const isAnyDue = reviews.some(({ due_at: dueAt }) => typeof dueAt === 'string');
  return table(
    style,
    ['REVIEW', 'WHAT', 'RUN', 'OPENED', ...(isAnyDue ? ['DUE'] : []), 'STATUS', 'OPEN ENTRIES'],
    reviews.map((review) => [
      review.id,
      review.name ?? `${review.workflow_id}: ${whereOf(review)}`,
      review.run_id,
      showTime(review.created_at),
      ...(isAnyDue ? [dueOf(style, review.due_at ?? null)] : []),
      { text: statusOf(review), paint: statusPaint(style, review.status) },
      openEntries(review)
        .map(({ key }) => key)
        .join(', '),
    ]),
    none,
  );
}

function dueOf(style: Style, dueAt: string | null): Cell {
  if (dueAt === null) {
    return null;
  }
  const text = showDue(dueAt, Date.now());
  return text.startsWith('overdue') ? { text, paint: style.yellow } : text;
}

/** One review with its entries, and the version that a vote would be about. */
export function showReview(style: Style, { review, version, explanation }: ReviewToShow): string {
  const { decision, status } = review;
  const about = fields(style, [
    ['what', review.name],
    ['workflow', `${review.workflow_id} (${review.workflow_version_id})`],
    ['run', review.run_id],
    ['block', `${whereOf(review)}, its ${review.placement}`],
    ['owner', review.owner_id],
    ['see', review.link],
    ['opened', `${showTime(review.created_at)}: ${explanation.opened_because}`],
    ['due', dueWords(explanation)],
    ['waits for', explanation.waiting_for],
    [
      'decided',
      decision === null
        ? null
        : `${showTime(decision.decided_at)}: ${decision.verdict} by ${decision.author.display_name} (${decision.version_id})`,
    ],
    ['reason', decision?.reason ?? null],
    ['cancelled', showTime(review.cancelled_at)],
  ]);
  const instructions =
    review.instructions === null ? [] : ['', printableLines(review.instructions)];
  return [
    `${style.bold(printable(review.id))}  ${statusPaint(style, status)(statusOf(review))}`,
    about,
    ...instructions,
    '',
    showEntries(style, review, explanation),
    '',
    showVersion(style, version),
  ].join('\n');
}

/** By when a decision is wanted; of what is decided, by when one was. */
function dueWords({ status, due_at: dueAt }: Explanation): string | null {
  if (dueAt === null) {
    return null;
  }
  return status === 'PENDING'
    ? `${showTime(dueAt)} (${showDue(dueAt, Date.now())})`
    : showTime(dueAt);
}

/** What `review show` shows. */
export type ReviewToShow = {
  readonly review: Review;
  readonly version: Version;
  readonly explanation: Explanation;
};

/** A version with its whole snapshot. */
export function showVersion(style: Style, version: Version): string {
  const by = say`by ${version.author.display_name}, ${showTime(version.created_at)}`;
  const note = version.note === null ? '' : `\n${style.dim('note')}  ${printable(version.note)}`;
  return `${style.bold(printable(version.id))}  ${style.dim(by)}${note}\n${printableJson(version.snapshot)}`;
}

/** What a review waits for, and who could give it. */
export function showExplanation(style: Style, review: Review, explanation: Explanation): string {
  const { review_id: id, status, version_id: versionId, missing } = explanation;
  const needed = explanation.still_needed;
  const open = missing.filter(({ kind }) => kind !== 'reviewer').length;
  const about = fields(style, [
    ['waits for', explanation.waiting_for],
    ['opened', explanation.opened_because],
    ['due', dueWords(explanation)],
    ['version', versionId],
    ['enough', needed < open ? `any ${needed} of the ${open} open group entries` : null],
  ]);
  return [
    `${style.bold(printable(id))}  ${statusPaint(style, status)(status)}`,
    about,
    '',
    table(
      style,
      ['ENTRY', 'STATUS', 'GIVEN BY', 'COULD BE GIVEN BY'],
      review.entries.map((entry): readonly Cell[] => {
        const could = missing.find(({ key }) => key === entry.key)?.could_fill;
        return [
          entry.mandatory ? entry.key : `${entry.key} (optional)`,
          { text: entry.status, paint: statusPaint(style, entry.status) },
          entry.vote?.reviewer.display_name ?? null,
          could === undefined ? null : whoCould(could),
        ];
      }),
      'It has no entries.',
    ),
  ].join('\n');
}

function showEntries(style: Style, review: Review, { missing }: Explanation): string {
  return table(
    style,
    ['ENTRY', 'STATUS', 'BY', 'AT', 'REASON'],
    review.entries.map((entry): readonly Cell[] => {
      const { key, mandatory, status, vote } = entry;
      const open = missing.find((one) => one.key === key);
      const who =
        vote?.reviewer.display_name ??
        (open === undefined ? null : `? ${whoCould(open.could_fill)}`);
      return [
        mandatory ? key : `${key} (optional)`,
        { text: status, paint: statusPaint(style, status) },
        who,
        showTime(vote?.created_at ?? null),
        vote?.reason ?? null,
      ];
    }),
    'It has no entries.',
  );
}

function whoCould(people: readonly { readonly id: string; readonly name: string }[]): string {
  return people.length === 0
    ? 'nobody there is today'
    : people.map(({ id, name }) => (name === id ? id : `${name} (${id})`)).join(', ');
}

/** What became of a decision that was sent, in a sentence or two. */
export function showSubmission(response: SubmitResponse, did: string): string {
  const { review, submission_status: status } = response;
  const outcome =
    status === 'already_applied'
      ? say`There was nothing new to record: review ${review.id} is ${statusOf(review)}.`
      : say`${did} is recorded: review ${review.id} is ${statusOf(review)}.`;
  const open = openEntries(review).map(({ key }) => key);
  const rest =
    review.status === 'PENDING' && open.length > 0
      ? [say`Open entries: ${open.join(', ')}. More: countersign review explain ${review.id}`]
      : [];
  return [outcome, ...rest, ...showResume(response)].join('\n');
}

function showResume(response: SubmitResponse): readonly string[] {
  return response.resume_error === null ? [] : [printable(response.resume_error)];
}

/** Why a decision changed nothing; null when it did, or agreed with what was decided. */
export function showConflict({ submission_status: status, review }: SubmitResponse): string | null {
  if (status !== 'conflict') {
    return null;
  }
  const { decision } = review;
  return decision === null
    ? say`Review ${review.id} is decided otherwise: read it again.`
    : say`Review ${review.id} already has a decision, and it stands: ${decision.verdict} by ${decision.author.display_name} on version ${decision.version_id}.`;
}

/** A status, with the one thing that it does not say by itself. */
function statusOf({ status, cancelled_at: cancelledAt }: Review): string {
  return cancelledAt === null ? status : `${status} (the run was cancelled)`;
}

function whereOf({ block_id: blockId, iteration_key: iteration }: Review): string {
  return iteration === null ? blockId : `${blockId} [${iteration}]`;
}

function openEntries({ entries }: Review): readonly Entry[] {
  return entries.filter(({ mandatory, status }) => mandatory && status === 'PENDING');
}
