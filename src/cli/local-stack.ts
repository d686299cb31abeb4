import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeWhole } from '../dev/home.js';
import type { Config, Environment } from './config.js';

/** Where the stack of a home runs; written by `up`, read by the commands that need its servers. */
const localStack = z.object({
  api_url: z.string(),
  database_url: z.string(),
  temporal_address: z.string(),
  temporal_namespace: z.string(),
});
export type LocalStack = z.infer<typeof localStack>;

const FILE = 'stack.json';

/** Remembers where the stack of this home runs; the file holds the database password (mode 0600). */
export async function rememberLocalStack(home: string, stack: LocalStack): Promise<void> {
  await writeWhole(join(home, FILE), `${JSON.stringify(stack, null, 2)}\n`);
}

/** Reads where the stack of a home runs (or last ran); null when none ever did. */
export async function findLocalStack(home: string): Promise<LocalStack | null> {
  const text = await readFile(join(home, FILE), 'utf8').catch(() => null);
  if (text === null) {
    return null;
  }
  const parsed = localStack.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : null;
}

/** The environment as given, completed by the local stack of the home where it names no servers. */
export async function localEnvironment(config: Config, env: Environment): Promise<Environment> {
  const stack = config.databaseUrl === null ? await findLocalStack(config.home) : null;
  return stack === null
    ? env
    : {
        ...env,
        DATABASE_URL: stack.database_url,
        TEMPORAL_ADDRESS: config.temporalAddress ?? stack.temporal_address,
        TEMPORAL_NAMESPACE: env['TEMPORAL_NAMESPACE'] ?? stack.temporal_namespace,
      };
}
