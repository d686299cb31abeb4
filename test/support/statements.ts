import type { KyselyPlugin } from 'kysely';
import type { Db } from '../../src/store/database.js';

/** Counts the statements that `work` sends, those in its transactions included; begin and commit are not counted. */
export async function countStatements(
  db: Db,
  work: (counted: Db) => Promise<unknown>,
): Promise<number> {
  let count = 0;
  const counter: KyselyPlugin = {
    transformQuery: ({ node }) => {
      count += 1;
      return node;
    },
    transformResult: async ({ result }) => result,
  };
  await work(db.withPlugin(counter));
  return count;
}
