import { Client } from 'pg';
import { isJsonObject, type Json, type JsonObject } from '../../src/domain/json.js';

/** What a statement did. Values of rows are text, as PostgreSQL prints them. */
type Outcome = {
  /** The kind of statement: `DELETE`, `SELECT`. */
  readonly command: string;
  /** How many rows it changed, or found. */
  readonly row_count: number;
  /** The rows it gave, the first hundred of them. */
  readonly rows: readonly JsonObject[];
};

const SHOWN_ROWS = 100;

/**
 * Runs one statement, on a connection of its own.
 *
 * 1. Exactly the text that it is given, and only one: what is prepared under a name cannot hold a second statement.
 * 2. It is committed by itself. What fails changes nothing, and what PostgreSQL says becomes the error.
 * 3. The connection bears the step's id, so that the server's log says which approval it was.
 */
export async function runStatement(
  databaseUrl: string,
  statement: string,
  stepId: string,
): Promise<Outcome> {
  const client = new Client({
    connectionString: databaseUrl,
    application_name: stepId,
    statement_timeout: 60_000,
  });
  await client.connect();
  try {
    const { command, rowCount, rows } = await client.query<Record<string, string | null>>({
      name: 'approved',
      text: statement,
      types: { getTypeParser: () => String },
    });
    return { command, row_count: rowCount ?? 0, rows: rows.slice(0, SHOWN_ROWS) };
  } finally {
    await client.end();
  }
}

/** The statement of what was approved: `{statement, why}`. A person may have rewritten it, so it is looked at again. */
export function statementOf(approved: Json): string {
  const statement = isJsonObject(approved) ? approved['statement'] : undefined;
  if (typeof statement !== 'string' || statement.trim() === '') {
    throw new Error('what was approved has no statement: give {"statement": "…", "why": "…"}');
  }
  return statement;
}
