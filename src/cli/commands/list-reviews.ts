import type {
  Client,
  InboxItem,
  ListInbox,
  ListReviews,
  Me,
  Page,
  Pages,
  Review,
} from '../../client/index.js';
import { type ListedReview, showReviews } from '../output/review-text.js';
import { moreRows } from '../output/table.js';
import { CommandError } from './command-error.js';
import { type CommonOptions, perform } from './perform.js';

/** The options of `review list`. */
export type ListReviewsOptions = CommonOptions & {
  readonly status: NonNullable<ListReviews['decision_status']>;
  readonly run?: string;
  readonly workflow?: string;
  readonly mine?: boolean;
  readonly limit: number;
};

/** Carries out `review list`. */
export async function listReviews(options: ListReviewsOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const { status, run, workflow, mine = false, limit } = options;
    if (mine && status !== 'pending') {
      throw new CommandError(
        `Only undecided reviews wait for anybody: use --mine without --status ${status}.`,
      );
    }
    const about = { run_id: run, workflow_id: workflow };
    const page: Page<ListedReview> = mine
      ? await listMine(client, about, limit)
      : status === 'pending'
        ? await listPending(client, about).take(limit)
        : await client.reviews.list({ ...about, decision_status: status }).take(limit);
    return {
      json: page,
      text: (style) =>
        [showReviews(style, page.data, noneOf(options)), ...moreRows(page)].join('\n'),
    };
  });
}

function noneOf({ mine = false, status }: ListReviewsOptions): string {
  if (mine) {
    return 'Nothing waits for you.';
  }
  return status === 'pending' ? 'No review waits for a decision.' : 'There is no such review.';
}

/** What is undecided, oldest first: as the inbox has it, which says what is due. */
function listPending(client: Client, about: ListInbox): Pages<InboxItem> {
  return client.reviews.inbox({ ...about, view: 'all', status: 'PENDING' });
}

/** The first reviews of which somebody could fill an open entry, as `explain` has it. */
async function listMine(
  client: Client,
  about: ListInbox,
  limit: number,
): Promise<Page<ListedReview>> {
  const me = await client.me();
  if (me.kind !== 'person') {
    throw new CommandError(
      `Nothing waits for '${me.name}', which is a service: use the token of a person, or leave --mine out.`,
    );
  }
  const data: ListedReview[] = [];
  for await (const review of listPending(client, { ...about, limit: 200 })) {
    if (concerns(review, me) && (await waitsFor(client, review, me))) {
      if (data.length === limit) {
        return { data, list_metadata: { before: null, after: data.at(-1)?.id ?? null } };
      }
      data.push(review);
    }
  }
  return { data, list_metadata: { before: null, after: null } };
}

/** Whether an open entry is about somebody at all: it spares most questions to the server. */
function concerns({ entries }: Review, { id, groups }: Me): boolean {
  return entries.some(
    ({ kind, subject, status }) =>
      status === 'PENDING' &&
      (kind === 'anyone' || (kind === 'group' ? groups.includes(subject) : subject === id)),
  );
}

async function waitsFor(client: Client, { id }: Review, me: Me): Promise<boolean> {
  const { missing } = await client.reviews.explain(id);
  return missing.some(({ could_fill: people }) => people.some((person) => person.id === me.id));
}
