import { type Command, Option } from 'commander';
import type { ListReviews } from '../../client/index.js';
import { showExplanation, showReview } from '../output/review-text.js';
import { clientCommand, clientGroup } from './client-command.js';
import { correct } from './correct.js';
import { approve, reassign, reject, release, withdraw } from './decide.js';
import { diff } from './diff.js';
import { listReviews } from './list-reviews.js';
import { collect, limitOption } from './options.js';
import { type CommonOptions, perform } from './perform.js';
import { verify } from './verify.js';

const STATUSES: readonly NonNullable<ListReviews['decision_status']>[] = [
  'pending',
  'approved',
  'rejected',
  'decided',
  'cancelled',
  'all',
];

/** Adds `countersign review …`. */
export function registerReviewCommands(program: Command): void {
  const group = clientGroup(program, 'review', 'read and decide reviews');

  clientCommand(group, 'list', 'list reviews, oldest first')
    .addOption(new Option('--status <status>', 'only these').choices(STATUSES).default('pending'))
    .option('--run <run>', 'only reviews of this run')
    .option('--workflow <workflow_id>', 'only reviews of this workflow')
    .option('--mine', 'only those that wait for you')
    .addOption(limitOption())
    .action(listReviews);

  reviewCommand(group, 'show', 'show a review: its entries, and the newest version').action(show);

  reviewCommand(group, 'explain', 'say what a review waits for, and who could give it').action(
    explain,
  );

  reviewCommand(group, 'approve', 'approve the newest version, which is shown first')
    .option('--version <version>', 'approve this version (rvr_…), which has to be the newest still')
    .option('--older', 'approve it also where there is a newer version')
    .option(
      '--acknowledge <version...>',
      'versions that this may leave behind, where the gate asks',
    )
    .action(approve);

  reviewCommand(group, 'correct', 'make a corrected version; the difference is shown first')
    .option('--set <path=value>', 'put a value (JSON, else a text) at a path; repeatable', collect)
    .option('--unset <path>', 'take away what is at a path; repeatable', collect)
    .option('--file <file>', 'take the whole snapshot from a JSON file (- for standard input)')
    .option('--edit', 'open the whole snapshot in $EDITOR')
    .option('--from <version>', 'correct this version (rvr_…) instead of the newest')
    .option('--note <text>', 'what was corrected, for those who look at it')
    .option('--approve', 'approve exactly this version afterwards')
    .option(
      '--acknowledge <version...>',
      'versions that this may leave behind, where the gate asks',
    )
    .option('--yes', 'do not ask before it is sent')
    .action(correct);

  reviewCommand(group, 'diff', 'show in which fields two versions differ')
    .argument('[from]', 'the one version: seed, newest, or an id (rvr_…)', 'seed')
    .argument('[to]', 'the other version: the same', 'newest')
    .action(diff);

  reviewCommand(
    group,
    'verify',
    'derive the decision anew from facts and rules, and compare',
  ).action(verify);

  reviewCommand(group, 'reject', 'reject a review; its run ends with it, unless the gate says not')
    .requiredOption('--reason <text>', 'why, for those who have to correct it')
    .option('--version <version>', 'the version you have seen (rvr_…); default: the newest')
    .action(reject);

  reviewCommand(
    group,
    'withdraw',
    'take your approval back, or what was decided, as long as it has not been released',
  )
    .requiredOption('--reason <text>', 'why, for those who come after')
    .option('--own', 'only your own approval: the review waits on if it was needed')
    .addOption(
      new Option(
        '--verdict <verdict>',
        'end the review instead, for its owner and admins: what it is from then on',
      )
        .choices(['revoked', 'rejected'])
        .conflicts('own'),
    )
    .action(withdraw);

  reviewCommand(group, 'reassign', 'give an open entry to somebody else (for admins)')
    .requiredOption('--entry <key>', 'the entry, as `review explain` names it')
    .requiredOption('--reason <text>', 'why, for those who come after')
    .addOption(
      new Option('--group <group>', 'any member of this group fills it').conflicts('reviewer'),
    )
    .option('--reviewer <user>', 'this person fills it')
    .action(reassign);

  reviewCommand(
    group,
    'release',
    'let an approved step go on, where the gate wants it said',
  ).action(release);
}

function reviewCommand(group: Command, name: string, description: string): Command {
  return clientCommand(group, name, description).argument(
    '<review>',
    'the id of the review (rev_…)',
  );
}

async function show(reviewId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const review = await client.reviews.get(reviewId);
    const [version, explanation] = await Promise.all([
      client.reviews.versions.get(review.newest_version_id),
      client.reviews.explain(reviewId),
    ]);
    return {
      json: { ...review, newest_version: version, explanation },
      text: (style) => showReview(style, { review, version, explanation }),
    };
  });
}

async function explain(reviewId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const [review, explanation] = await Promise.all([
      client.reviews.get(reviewId),
      client.reviews.explain(reviewId),
    ]);
    return {
      json: { ...explanation, entries: review.entries },
      text: (style) => showExplanation(style, review, explanation),
    };
  });
}
