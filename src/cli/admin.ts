import { isStorable } from '../api/fields.js';
import { SYSTEM } from '../store/actors.js';
import { openDatabase } from '../store/database.js';
import { createFirstAdmin, type FirstAdmin } from '../store/first-admin.js';
import { checkSchema } from '../store/migrate.js';
import { ConfigError, type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { localEnvironment } from './local-stack.js';
import { printable, printableJson, say } from './output/printable.js';

/** The options of `admin create`. */
export type CreateAdminOptions = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly force: boolean;
  readonly json: boolean;
};

/**
 * Carries out `admin create`: it speaks to the database itself, because without an admin nobody may ask the API.
 *
 * The token is printed once, alone on standard output.
 */
export async function createAdmin(
  processEnv: Environment,
  { id, name, email, force, json }: CreateAdminOptions,
): Promise<void> {
  for (const [option, value] of Object.entries({ id, name, email })) {
    if (value.trim() === '' || value.length > 200 || !isStorable(value)) {
      throw new ConfigError(
        `--${option} is '${printable(value)}': it must be 1 to 200 characters of text.`,
      );
    }
  }
  const config = readConfig(processEnv);
  const env = await localEnvironment(config, processEnv);
  const database = openDatabase(env['DATABASE_URL'] ?? requireDatabaseUrl(config), {
    maxConnections: 2,
  });
  try {
    await checkSchema(database.db);
    const made = await createFirstAdmin(database.db, SYSTEM, { id, name, email }, force);
    const { tokenId, secret } = unlessRefused(made);
    process.stderr.write(
      say`Admin ${id} is there, and token ${tokenId} is theirs. It is shown only now: keep it where you keep secrets.` +
        '\n',
    );
    process.stdout.write(
      `${json ? printableJson({ user_id: id, id: tokenId, token: secret }) : printable(secret)}\n`,
    );
  } finally {
    await database.close();
  }
}

function unlessRefused(made: FirstAdmin): Extract<FirstAdmin, { kind: 'made' }> {
  switch (made.kind) {
    case 'made':
      return made;
    case 'there_is_one':
      throw new ConfigError(
        `There is an admin already (${made.adminIds.join(', ')}): ask them for a token, or add --force if nobody has theirs any more.`,
      );
    case 'taken':
      throw new ConfigError(
        `There is a person '${made.personId}' already, who is no admin: choose another --id, or add --force to make them one.`,
      );
  }
}
