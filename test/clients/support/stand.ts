import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startTestStack, type TestStack } from '../../fault/test-stack.js';

/** A running stack and the environment that tells a program in another language about it. */
export type Stand = {
  readonly stack: TestStack;
  readonly env: Readonly<Record<string, string>>;
  remove(): Promise<void>;
};

/** Starts a stack with an admin and with two reviewers, of the groups `finance` and `legal`. */
export async function startStand(): Promise<Stand> {
  const stack = await startTestStack();
  try {
    const admin = await stack.admin();
    const tokenOf = async (group: string): Promise<string> => {
      const id = `u_${group}`;
      await admin.users.put(id, { name: group, email: `${id}@example.com`, groups: [group] });
      return (await admin.tokens.create({ user_id: id })).token;
    };
    const env = {
      COUNTERSIGN_URL: stack.url,
      COUNTERSIGN_TOKEN_ADMIN: (await readFile(join(stack.home, 'admin-token'), 'utf8')).trim(),
      COUNTERSIGN_TOKEN_FINANCE: await tokenOf('finance'),
      COUNTERSIGN_TOKEN_LEGAL: await tokenOf('legal'),
    };
    return { stack, env, remove: () => stack.remove() };
  } catch (error) {
    await stack.remove();
    throw error;
  }
}
