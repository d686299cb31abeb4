import { SYSTEM } from '../store/actors.js';
import { openDatabase } from '../store/database.js';
import { checkSchema } from '../store/migrate.js';
import { createSignInLink } from '../store/sign-ins.js';
import { ConfigError, type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { findLocalStack, localEnvironment } from './local-stack.js';
import { printableJson, printable, say } from './output/printable.js';
import { signInUrl } from './start-links.js';

/** The options of `sign-in-link`. */
export type SignInLinkOptions = { readonly json: boolean };

const VALID_FOR_MINUTES = 15;

/**
 * Carries out `sign-in-link`: whoever may write to the database may say who signs in.
 *
 * The link is alone on standard output.
 */
export async function printSignInLink(
  processEnv: Environment,
  userId: string,
  { json }: SignInLinkOptions,
): Promise<void> {
  const config = readConfig(processEnv);
  const env = await localEnvironment(config, processEnv);
  const stack = config.databaseUrl === null ? await findLocalStack(config.home) : null;
  const siteUrl = config.publicUrl?.origin ?? stack?.api_url ?? `http://127.0.0.1:${config.port}`;
  const database = openDatabase(env['DATABASE_URL'] ?? requireDatabaseUrl(config), {
    maxConnections: 1,
  });
  try {
    await checkSchema(database.db);
    const code = await createSignInLink(database.db, SYSTEM, userId, VALID_FOR_MINUTES);
    if (code === null) {
      throw new ConfigError(
        say`There is no person '${userId}': list them with \`countersign user list\`.`,
      );
    }
    const url = signInUrl(siteUrl, code);
    process.stderr.write(
      say`It signs in ${userId}, once and within ${VALID_FOR_MINUTES} minutes: give it to nobody else.` +
        '\n',
    );
    process.stdout.write(`${json ? printableJson({ user_id: userId, url }) : printable(url)}\n`);
  } finally {
    await database.close();
  }
}
