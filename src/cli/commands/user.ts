import { type Command, Option } from 'commander';
import { ROLES, type Role } from '../../domain/people.js';
import type { User, UserWarning } from '../../client/index.js';
import { say } from '../output/printable.js';
import { table } from '../output/table.js';
import { clientCommand, clientGroup } from './client-command.js';
import { type CommonOptions, perform } from './perform.js';

/** Adds `countersign user …`. */
export function registerUserCommands(program: Command): void {
  const group = clientGroup(program, 'user', 'keep the people who review (for admins)');

  clientCommand(group, 'put', 'store a person; what is said here replaces what was known')
    .argument('<user>', 'the id of the person')
    .requiredOption('--name <name>', 'the name that others see')
    .requiredOption('--email <address>', 'the e-mail address')
    .option('--slack-id <id>', 'the id in Slack')
    .option('--group <group...>', 'the groups the person is in', [])
    .addOption(
      new Option('--role <role...>', 'what the person may do').choices(ROLES).default(['reviewer']),
    )
    .option('--admin', 'the role admin, beside the others')
    .action(put);

  clientCommand(group, 'list', 'list the people there are').action(list);

  clientCommand(group, 'remove', 'remove a person: their tokens end at once, their votes stay')
    .argument('<user>', 'the id of the person')
    .action(remove);
}

type PutOptions = CommonOptions & {
  readonly name: string;
  readonly email: string;
  readonly slackId?: string;
  readonly group: readonly string[];
  readonly role: readonly Role[];
  readonly admin?: boolean;
};

async function put(userId: string, options: PutOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const user = await client.users.put(userId, {
      name: options.name,
      email: options.email,
      slack_id: options.slackId,
      groups: options.group,
      roles: options.role,
      admin: options.admin,
    });
    return {
      json: user,
      text: () =>
        [
          say`${user.name} is stored as ${user.id}: groups ${listed(user.groups)}; roles ${listed(user.roles)}.`,
          ...user.warnings.map(showWarning),
        ].join('\n'),
    };
  });
}

function showWarning({ message, review_ids: ids, count }: UserWarning): string {
  const more = count > ids.length ? ', …' : '';
  return say`${message} They are: ${ids.join(', ')}${more}`;
}

function listed(words: readonly string[]): string {
  return words.length === 0 ? 'none' : words.join(', ');
}

async function list(options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const page = await client.users.list().page();
    return {
      json: page,
      text: (style) =>
        table(
          style,
          ['USER', 'NAME', 'EMAIL', 'GROUPS', 'ROLES'],
          page.data.map(rowOf),
          'There is nobody yet: store a person with `countersign user put`.',
        ),
    };
  });
}

function rowOf({ id, name, email, groups, roles }: User): readonly string[] {
  return [id, name, email, groups.join(', '), roles.join(', ')];
}

async function remove(userId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const removed = await client.users.remove(userId);
    return {
      json: removed,
      text: () =>
        [
          say`${removed.id} is removed, and their tokens have ended.`,
          ...removed.warnings.map(showWarning),
        ].join('\n'),
    };
  });
}
