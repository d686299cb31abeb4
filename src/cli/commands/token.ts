import { type Command, Option } from 'commander';
import { SCOPES, type Scope } from '../../domain/people.js';
import type { CreateToken, NewToken, Token } from '../../client/index.js';
import { printable, say } from '../output/printable.js';
import { table } from '../output/table.js';
import { showTime } from '../output/time.js';
import { clientCommand, clientGroup } from './client-command.js';
import { type CommonOptions, perform } from './perform.js';

/** Adds `countersign token …`. */
export function registerTokenCommands(program: Command): void {
  const group = clientGroup(program, 'token', 'make, list and revoke tokens (for admins)');

  clientCommand(group, 'create', 'make a token; it is printed once, alone on standard output')
    .addOption(
      new Option('--user <user>', 'a token of this person').conflicts(['service', 'scope']),
    )
    .option('--service <name>', 'a token of a service of this name')
    .addOption(new Option('--scope <scope...>', 'what the service may use it for').choices(SCOPES))
    .action(create);

  clientCommand(group, 'list', 'list tokens, without their secrets').action(list);

  clientCommand(group, 'revoke', 'end a token at once')
    .argument('<token>', 'the id of the token (tok_…)')
    .action(revoke);
}

type CreateOptions = CommonOptions & {
  readonly user?: string;
  readonly service?: string;
  readonly scope?: readonly Scope[];
};

async function create(options: CreateOptions, command: Command): Promise<void> {
  const subject = readSubject(options);
  if (subject === null) {
    command.error("error: expected either '--user <user>', or '--service <name>' with '--scope'");
  }
  await perform(options, async ({ client, note }) => {
    const token = await client.tokens.create(subject);
    note(
      say`Token ${token.id} stands for ${holderOf(token)}. It is shown only now: keep it where you keep secrets.`,
    );
    return { json: token, text: () => printable(token.token) };
  });
}

function readSubject({ user, service, scope }: CreateOptions): CreateToken | null {
  if (user !== undefined) {
    return { user_id: user };
  }
  return service === undefined || scope === undefined ? null : { service, scopes: scope };
}

async function list(options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const page = await client.tokens.list().page();
    return {
      json: page,
      text: (style) =>
        table(
          style,
          ['TOKEN', 'STANDS FOR', 'SCOPES', 'MADE', 'BY', 'REVOKED'],
          page.data.map((token) => [
            token.id,
            holderOf(token),
            token.scopes.join(', '),
            showTime(token.created_at),
            token.created_by,
            showTime(token.revoked_at),
          ]),
          'There is no token yet.',
        ),
    };
  });
}

function holderOf({ user_id: userId, service }: Token | NewToken): string {
  return userId === null ? `service ${service ?? ''}` : `user ${userId}`;
}

async function revoke(tokenId: string, options: CommonOptions): Promise<void> {
  await perform(options, async ({ client }) => {
    const revoked = await client.tokens.revoke(tokenId);
    return { json: revoked, text: () => say`Token ${revoked.id} has ended.` };
  });
}
