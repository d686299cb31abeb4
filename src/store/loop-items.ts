import { sql } from 'kysely';
import { allBlocks } from '../domain/blocks.js';
import { isStepEnded, STEP_STATUSES } from '../domain/statuses.js';
import type { Db } from './database.js';
import type { StepContext } from './steps.js';
import type { StepRow } from './tables.js';

/** An item of a for_each, by the iteration that is for it, with the steps of that iteration. */
export type LoopItem = { readonly iterationKey: string; readonly steps: readonly StepRow[] };

/** Items of a for_each in their order, and where the next ones begin; null where there are no more. */
export type LoopItemPage = { readonly items: readonly LoopItem[]; readonly after: string | null };

/** How many items a for_each has, at how many of them people are waited for, and how many have come to their end. */
export type LoopItemCounts = {
  readonly items: number;
  readonly waiting: number;
  readonly ended: number;
};

const ENDED = STEP_STATUSES.filter(isStepEnded);

/** Items follow each other by their places, which are numbers: `10` comes behind `9`, and `3.0` behind `3`. */
const place = sql`string_to_array(step.iteration_key, '.')::int[]`;

/** The steps in the iterations of a for_each; those of for_eaches inside of it are among them. */
function inside({ run, step, block }: StepContext) {
  const blockIds = allBlocks(block.body ?? []).map(({ id }) => id);
  const within = step.iterationKey === null ? '%' : `${step.iterationKey}.%`;
  return sql`step.run_id = ${run.id} and step.block_id = any(${blockIds})
    and step.iteration_key like ${within}`;
}

/** Lists the items of a for_each by their places, those of for_eaches inside of it among them. */
export async function listLoopItems(
  db: Db,
  context: StepContext,
  { after, limit }: { readonly after: string | null; readonly limit: number },
): Promise<LoopItemPage> {
  const behind = after === null ? sql`true` : sql`${place} > string_to_array(${after}, '.')::int[]`;
  const { rows } = await sql<{ iterationKey: string }>`
    select step.iteration_key from step where ${inside(context)} and ${behind}
     group by step.iteration_key order by ${place} limit ${limit + 1}`.execute(db);
  const keys = rows.slice(0, limit).map(({ iterationKey }) => iterationKey);
  const steps = await db
    .selectFrom('step')
    .selectAll()
    .where(sql<boolean>`${inside(context)}`)
    .where('iterationKey', '=', sql<string>`any(${keys})`)
    .orderBy('position')
    .execute();
  return {
    items: keys.map((iterationKey) => ({
      iterationKey,
      steps: steps.filter((step) => step.iterationKey === iterationKey),
    })),
    after: rows.length > limit ? (keys.at(-1) ?? null) : null,
  };
}

/** Counts all items of a for_each, those of for_eaches inside of it among them. */
export async function countLoopItems(db: Db, context: StepContext): Promise<LoopItemCounts> {
  const { rows } = await sql<LoopItemCounts>`
    select count(*)::int as items,
           (count(*) filter (where is_waiting))::int as waiting,
           (count(*) filter (where has_ended))::int as ended
      from (select bool_or(step.status = 'awaiting_review') as is_waiting,
                   bool_and(step.status = any(${ENDED})) as has_ended
              from step where ${inside(context)} group by step.iteration_key) as item`.execute(db);
  return rows[0] ?? { items: 0, waiting: 0, ended: 0 };
}
