import { type CompiledQuery, Kysely } from 'kysely';
import { Pool } from 'pg';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.js';
import { CamelCaseRows } from '../../src/store/column-names.js';
import { Epoch, StoreDialect } from '../../src/store/connection.js';
import type { Db } from '../../src/store/database.js';
import { PATIENT_LIMITS } from '../../src/store/limits.js';
import type { Tables } from '../../src/store/tables.js';

/** A store that keeps the statements that are sent, and asks PostgreSQL how it carries them out. */
export type Recorder = {
  readonly db: Db;
  sent: CompiledQuery[];
  /** The nodes of a statement's plan, by EXPLAIN with these options. */
  explain(
    options: string,
    text: string,
    parameters?: readonly unknown[],
  ): Promise<readonly JsonObject[]>;
};

/** Opens a recorder; destroying its `db` ends its connections. */
export function openRecorder(url: string): Recorder {
  const pool = new Pool({ connectionString: url, max: 1, pipeline: true });
  const recorder: Recorder = {
    sent: [],
    db: new Kysely<Tables>({
      dialect: new StoreDialect({ pool, limits: PATIENT_LIMITS, epoch: new Epoch() }),
      plugins: [new CamelCaseRows()],
      log: ({ query }) => {
        recorder.sent.push(query);
      },
    }),
    explain: async (options, text, parameters = []) => {
      const { rows } = await pool.query<{ 'QUERY PLAN': readonly { Plan: Json }[] }>(
        `explain (${options}, format json) ${text}`,
        [...parameters],
      );
      const plan = rows[0]?.['QUERY PLAN'][0]?.Plan;
      return nodesOf(isJsonObject(plan) ? plan : {});
    },
  };
  return recorder;
}

function nodesOf(plan: JsonObject): readonly JsonObject[] {
  const inner = plan['Plans'];
  const below = Array.isArray(inner) ? inner.filter(isJsonObject) : [];
  return [plan, ...below.flatMap(nodesOf)];
}
