import { ApiError, type Client, type Review, type Version } from '../../client/index.js';
import { diffSnapshots } from '../../domain/snapshot-diff.js';
import { showDifferences } from '../output/diff-text.js';
import { say } from '../output/printable.js';
import { showConflict, showSubmission } from '../output/review-text.js';
import { CommandError } from './command-error.js';
import { confirm } from './confirm.js';
import { type Corrected, correctSnapshot, type CorrectionOptions } from './corrected-snapshot.js';
import { type CommonOptions, perform, type Report, type Session } from './perform.js';
import { listVersions, readVersionOf } from './read-version.js';

/** The options of `review correct`. */
export type CorrectOptions = CommonOptions &
  CorrectionOptions & {
    readonly from?: string;
    readonly note?: string;
    readonly approve?: boolean;
    readonly yes?: boolean;
    readonly acknowledge?: readonly string[];
  };

/**
 * Carries out `review correct`: makes a new version of the newest one (or of `--from`), and with `--approve`
 * approves exactly that version.
 *
 * Nothing is sent before the difference has been shown. What somebody wrote in an editor is kept until it has
 * been taken.
 */
export async function correct(reviewId: string, options: CorrectOptions): Promise<void> {
  await perform(options, async (session) => {
    const { client } = session;
    const review = await client.reviews.get(reviewId);
    const known = await listVersions(client, review.id);
    const parent = await readVersionOf(client, review, options.from ?? review.newest_version_id);
    const corrected = await correctSnapshot(parent.snapshot, options);
    return await keepingText(session, corrected, async () => {
      await showAndConfirm(session, review, parent, corrected, options);
      const version = await send(client, review, parent, corrected, options);
      const meanwhile = await addedMeanwhile(client, review, [...known, version]);
      return options.approve === true
        ? await approveOwn(session, version, meanwhile, options)
        : made(session, version, meanwhile);
    });
  });
}

/** Carries out what follows an edit; a text that did not get through is not lost. */
async function keepingText(
  { note }: Session,
  { keptIn, forget }: Corrected,
  work: () => Promise<Report>,
): Promise<Report> {
  try {
    const report = await work();
    await forget();
    return report;
  } catch (error) {
    if (error instanceof UnchangedError) {
      await forget();
    } else if (keptIn !== null) {
      note(say`What you wrote is kept: send it again with --file ${keptIn}.`);
    }
    throw error;
  }
}

class UnchangedError extends CommandError {}

async function showAndConfirm(
  { note, noteStyle }: Session,
  review: Review,
  parent: Version,
  { snapshot }: Corrected,
  options: CorrectOptions,
): Promise<void> {
  const differences = diffSnapshots(parent.snapshot, snapshot);
  if (differences.length === 0) {
    throw new UnchangedError(
      `Nothing differs from version ${parent.id}, so nothing was sent: change something, or approve it as it is.`,
    );
  }
  note(
    say`Correcting version ${parent.id} (by ${parent.author.display_name}) of review ${review.id}:`,
  );
  note(showDifferences(noteStyle, differences));
  await confirm(
    options.approve === true ? 'Send and approve this correction?' : 'Send this correction?',
    options,
  );
}

async function send(
  client: Client,
  review: Review,
  parent: Version,
  { snapshot }: Corrected,
  { note, acknowledge }: CorrectOptions,
): Promise<Version> {
  try {
    return await client.reviews.versions.create({
      review_id: review.id,
      parent_id: parent.id,
      snapshot,
      note,
      acknowledged_superseded_version_ids: acknowledge,
    });
  } catch (error) {
    throw error instanceof ApiError ? withAdvice(error, review) : error;
  }
}

/** The refusals that a correction meets, each with the command that helps. */
function withAdvice(error: ApiError, { id }: Review): ApiError {
  const advice = adviceFor(error, id);
  return advice === null
    ? error
    : new ApiError({
        status: error.status,
        code: error.code,
        message: advice,
        details: error.details,
        problems: error.problems,
        requestId: error.requestId,
      });
}

function adviceFor({ code, details }: ApiError, reviewId: string): string | null {
  switch (code) {
    case 'parent_conflict': {
      const version = String(details['version_id']);
      return `This very content is version ${version} already, made from another one, so nothing was added: approve it with \`countersign review approve ${reviewId} --version ${version} --older\`, or change something else.`;
    }
    case 'review_decided':
      return `Review ${reviewId} has been decided (${String(details['status'])}), so it takes no corrections any more: see \`countersign review show ${reviewId}\`. An approval that has not been released can be taken back with \`countersign review withdraw ${reviewId}\`.`;
    case 'superseded_versions': {
      const ids = details['version_ids'];
      const named = Array.isArray(ids) ? ids.map(String).join(' ') : '';
      return `This gate wants versions named that a correction leaves behind: look at them with \`countersign review diff ${reviewId}\`, then add --acknowledge ${named}.`;
    }
    default:
      return null;
  }
}

/** Versions that others added since this command looked. */
async function addedMeanwhile(
  client: Client,
  review: Review,
  known: readonly Version[],
): Promise<readonly Version[]> {
  const ids = new Set(known.map(({ id }) => id));
  return (await listVersions(client, review.id)).filter(({ id }) => !ids.has(id));
}

function made({ note }: Session, version: Version, meanwhile: readonly Version[]): Report {
  for (const other of meanwhile) {
    note(sayMeanwhile(other, version));
  }
  return {
    json: version,
    text: () =>
      [
        say`Version ${version.id} is made from ${version.parent_id ?? 'nothing'}; it needs approvals like any other.`,
        say`Approve it: countersign review approve ${version.review_id} --version ${version.id}`,
      ].join('\n'),
  };
}

/** Approves what was just made, unless somebody else's correction is thereby passed over unseen. */
async function approveOwn(
  { client }: Session,
  version: Version,
  meanwhile: readonly Version[],
  { acknowledge }: CorrectOptions,
): Promise<Report> {
  const [other] = meanwhile;
  if (other !== undefined) {
    return {
      json: { version, submission: null },
      text: () => say`Version ${version.id} is made, and not approved.`,
      failure: sayMeanwhile(other, version),
    };
  }
  const submission = await client.reviews.approve(version.review_id, version.id, {
    acknowledged_superseded_version_ids: acknowledge,
  });
  const conflict = showConflict(submission);
  return {
    json: { version, submission },
    text: () =>
      [
        say`Version ${version.id} is made.`,
        ...(conflict === null ? [showSubmission(submission, 'Your approval of it')] : []),
      ].join('\n'),
    failure: conflict,
  };
}

function sayMeanwhile(other: Version, own: Version): string {
  return say`${other.author.display_name} added version ${other.id} meanwhile: compare it with \`countersign review diff ${own.review_id} ${other.id} ${own.id}\` before you approve one of them.`;
}
