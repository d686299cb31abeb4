import {
  type CompiledQuery,
  DummyDriver,
  Kysely,
  NoResultError,
  PostgresAdapter,
  PostgresIntrospector,
  QueryNode,
} from 'kysely';
import { BoundedCache } from '../rules/bounded-cache.js';
import { SnakeCaseCompiler } from './column-names.js';
import type { Db, Tx } from './database.js';
import type { Tables } from './tables.js';

/** How many shapes of one statement are kept: which columns have values, in how many rows. */
const SHAPES = 64;

/**
 * A statement for where many are sent, because writing one down takes longer than carrying it out.
 *
 * It is written once for every shape of its values, which are those of one row, or of several rows with the
 * same columns; what is `undefined` is left out. Afterwards it is only sent.
 */
export class Statement<Values extends object, Row> {
  readonly #write: (db: Db, values: Values) => { compile(db: Db): CompiledQuery<Row> };
  readonly #written = new BoundedCache<string, CompiledQuery<Row>>(SHAPES);

  /** @param write gets blanks in place of the values: it puts them where they belong, and must not look at them */
  constructor(write: (db: Db, values: Values) => { compile(db: Db): CompiledQuery<Row> }) {
    this.#write = write;
  }

  /** Sends it at once, and gives the rows that it returns. */
  async all(db: Db | Tx, values: Values): Promise<readonly Row[]> {
    return (await db.executeQuery(this.#filledIn(values))).rows;
  }

  /** The first row that it returns; null where there is none. */
  async first(db: Db | Tx, values: Values): Promise<Row | null> {
    const [row] = await this.all(db, values);
    return row ?? null;
  }

  /**
   * The first row that it returns.
   *
   * @throws NoResultError where there is none
   */
  async one(db: Db | Tx, values: Values): Promise<Row> {
    const query = this.#filledIn(values);
    const [row] = (await db.executeQuery(query)).rows;
    if (row === undefined) {
      throw QueryNode.is(query.query)
        ? new NoResultError(query.query)
        : new Error('a statement that always returns a row has returned none');
    }
    return row;
  }

  #filledIn(values: Values): CompiledQuery<Row> {
    const rows = rowsOf(values);
    const columns = columnsOf(rows[0] ?? {});
    const query = this.#written.getOrMake(`${rows.length} ${columns.join()}`, () => {
      const blanks = rows.map((_, row) =>
        Object.fromEntries(columns.map((column) => [column, new Blank(row, column)])),
      );
      const given: unknown = Array.isArray(values) ? blanks : blanks[0];
      // A blank stands for a value of any type: `write` passes it on and reads nothing from it.
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return this.#write(writer, given as Values).compile(writer);
    });
    const parameters = query.parameters.map((parameter) =>
      parameter instanceof Blank ? rows[parameter.row]?.[parameter.column] : parameter,
    );
    return new WrittenQuery(query, parameters);
  }
}

/** A statement that comes up again, with its values: every connection prepares it. */
export class WrittenQuery<Row> implements CompiledQuery<Row> {
  readonly query: CompiledQuery<Row>['query'];
  readonly queryId: CompiledQuery<Row>['queryId'];
  readonly sql: string;
  readonly parameters: readonly unknown[];

  constructor({ query, queryId, sql }: CompiledQuery<Row>, parameters: readonly unknown[]) {
    this.query = query;
    this.queryId = queryId;
    this.sql = sql;
    this.parameters = parameters;
  }
}

/** The place of a value in a statement that has been written down. */
class Blank {
  readonly row: number;
  readonly column: string;

  constructor(row: number, column: string) {
    this.row = row;
    this.column = column;
  }
}

type AnyRow = { readonly [column: string]: unknown };

function rowsOf(values: object): readonly AnyRow[] {
  // Every object can be read by its keys.
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  return (Array.isArray(values) ? values : [values]) as readonly AnyRow[];
}

function columnsOf(row: AnyRow): readonly string[] {
  return Object.keys(row).filter((column) => row[column] !== undefined);
}

/** Writes statements, and is connected to nothing. */
const writer = new Kysely<Tables>({
  dialect: {
    createAdapter: () => new PostgresAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new PostgresIntrospector(db),
    createQueryCompiler: () => new SnakeCaseCompiler(),
  },
});
