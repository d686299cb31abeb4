import { sql } from 'kysely';
import { expect } from 'vitest';
import { type Db, inTransaction } from '../../src/store/database.js';
import { lockRun } from '../../src/store/runs.js';
import type { TestDatabase } from '../support/database.js';
import { countWaiting } from '../support/locks.js';
import { until } from '../support/until.js';

/** A fresh situation, what is done to it at once, and what it has come to in words. */
type Situation<Name extends string> = {
  readonly runId: string;
  /** Each says in words what came of it. */
  readonly acts: Readonly<Record<Name, () => Promise<string>>>;
  /** Says in words where everything stands. */
  readonly look: () => Promise<string>;
};

/**
 * Races acts against each other for real, and expects that each race ends as it would have ended if
 * they had been done one after another, in one order or another.
 *
 * In every round they are let go from behind the run's lock, having queued up in each possible order;
 * then they race freely. It gives all the outcomes that were seen.
 *
 * @param afterwards looks at every situation once it is over, raced or not
 */
export async function raceAll<Name extends string>(
  db: Db,
  names: readonly Name[],
  prepare: () => Promise<Situation<Name>>,
  options: { readonly rounds: number; readonly afterwards: (runId: string) => Promise<void> },
): Promise<{ readonly possible: ReadonlySet<string>; readonly seen: ReadonlySet<string> }> {
  const orders = permutations(names);
  const end = async (situation: Situation<Name>, came: ReadonlyMap<Name, string>) => {
    await options.afterwards(situation.runId);
    const words = names.map((name) => `${name}: ${came.get(name)}`);
    return [...words, await situation.look()].join('; ');
  };

  const possible = new Set<string>();
  for (const order of orders) {
    const situation = await prepare();
    const came = new Map<Name, string>();
    for (const name of order) {
      came.set(name, await situation.acts[name]());
    }
    possible.add(await end(situation, came));
  }

  const seen = new Set<string>();
  for (let round = 0; round < options.rounds; round += 1) {
    for (const order of orders) {
      const situation = await prepare();
      const acts = order.map((name) => situation.acts[name]);
      const words =
        round % 2 === 0
          ? await letGoTogether(db, situation.runId, acts)
          : await Promise.all(acts.map((act) => act()));
      const outcome = await end(
        situation,
        new Map(order.map((name, index) => [name, words[index] ?? ''])),
      );
      expect([...possible], `raced as ${order.join(', ')}`).toContain(outcome);
      seen.add(outcome);
    }
  }
  return { possible, seen };
}

/** Starts acts in order while their run is locked, waits until all of them wait for it, and lets go. */
async function letGoTogether<T>(
  db: Db,
  runId: string,
  acts: readonly (() => Promise<T>)[],
): Promise<readonly T[]> {
  const doing: Promise<PromiseSettledResult<T>[]>[] = [];
  await inTransaction(db, async (tx) => {
    await lockRun(tx, runId);
    for (const [index, act] of acts.entries()) {
      doing.push(Promise.allSettled([act()]));
      await until(
        `${index + 1} sessions to wait for run ${runId}`,
        async () => (await countWaiting(db)) > index,
        5_000,
      );
    }
  });
  const settled = (await Promise.all(doing)).flat();
  return settled.map((result) => {
    if (result.status === 'rejected') {
      throw result.reason;
    }
    return result.value;
  });
}

function permutations<T>(items: readonly T[]): readonly (readonly T[])[] {
  return items.length <= 1
    ? [items]
    : items.flatMap((item, index) =>
        permutations(items.toSpliced(index, 1)).map((rest) => [item, ...rest]),
      );
}

/** Ends every connection of a database, and gives how many deadlocks PostgreSQL has had to break in it. */
export async function closeAndCountDeadlocks(database: TestDatabase, server: Db): Promise<number> {
  const name = new URL(database.url).pathname.slice(1);
  await database.close();
  await until('all sessions to end', async () => {
    const { rows } = await sql`select 1 from pg_stat_activity where datname = ${name}`.execute(
      server,
    );
    return rows.length === 0;
  });
  // A session reports its deadlocks when it ends at the latest.
  const { rows } = await sql<{ deadlocks: number }>`
    select deadlocks::int from pg_stat_database where datname = ${name}`.execute(server);
  return rows[0]?.deadlocks ?? -1;
}
