import type { Client } from '../../client/index.js';
import type { Wanted } from './complete.js';

type Words = Wanted['words'];

const AT_MOST = 100;

/** The ids that may stand here, as the server has them; nobody is told why there are none. */
export async function serverIds(client: Client, { ids, given, command }: Wanted): Promise<Words> {
  switch (ids) {
    case 'review':
      return await reviewIds(client, command.at(-1) ?? '');
    case 'run': {
      const { data } = await client.runs.list().take(AT_MOST);
      return data.map(({ id, workflow_id: workflow, lifecycle }) => ({
        word: id,
        about: `${workflow}, ${lifecycle.status}`,
      }));
    }
    case 'workflow_id': {
      const { data } = await client.workflows.list().page();
      return data.map(({ id, name }) => ({ word: id, about: name ?? '' }));
    }
    case 'user': {
      const { data } = await client.users.list().page();
      return data.map(({ id, name }) => ({ word: id, about: name }));
    }
    case 'token': {
      const { data } = await client.tokens.list().page();
      return data
        .filter(({ revoked_at: revokedAt }) => revokedAt === null)
        .map(({ id, user_id: user, service }) => ({ word: id, about: user ?? service ?? '' }));
    }
    case 'version':
      return await versionIds(client, given.get('review'));
    case 'file':
    case 'other':
    case null:
      return [];
  }
}

/** What can still be decided, for what decides; any review for what only looks. */
async function reviewIds(client: Client, command: string): Promise<Words> {
  const status = ['approve', 'reject', 'correct', 'reassign'].includes(command)
    ? 'pending'
    : command === 'release'
      ? 'approved'
      : 'all';
  const { data } = await client.reviews
    .list({ decision_status: status, order: 'desc' })
    .take(AT_MOST);
  return data.map(({ id, name, workflow_id: workflow, block_id: block, status: now }) => ({
    word: id,
    about: `${name ?? `${workflow}: ${block}`}, ${now}`,
  }));
}

async function versionIds(client: Client, reviewId: string | undefined): Promise<Words> {
  if (reviewId === undefined) {
    return [];
  }
  const { data } = await client.reviews.versions.list(reviewId).take(AT_MOST);
  return data.map(({ id, author, note }) => ({
    word: id,
    about: [author.display_name, note ?? ''].filter((part) => part !== '').join(': '),
  }));
}
