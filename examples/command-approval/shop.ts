import { Client, escapeIdentifier } from 'pg';

const DATABASE = 'countersign_example_shop';

/** Where statements run: `SHOP_DATABASE_URL`, else a database of this example on the server of Countersign's own. */
export function shopUrl(env: Readonly<Record<string, string | undefined>>): string {
  const given = env['SHOP_DATABASE_URL'] ?? '';
  if (given !== '') {
    return given;
  }
  const url = new URL(env['DATABASE_URL'] ?? '');
  url.pathname = `/${DATABASE}`;
  return url.toString();
}

/** Makes the shop anew: its database if there is none, and six accounts. */
export async function openShop(url: string): Promise<void> {
  await createDatabase(url);
  await onShop(url, async (client) => {
    await client.query(`
      drop table if exists accounts;
      create table accounts (
        id integer primary key, email text not null, last_login date not null, paying boolean not null
      );
      insert into accounts values
        (1, 'ada@example.com', '2026-02-11', true),
        (2, 'bo@example.com', '2023-05-30', false),
        (3, 'cem@example.com', '2024-11-02', true),
        (4, 'dee@example.com', '2024-01-19', false),
        (5, 'eli@example.com', '2026-01-08', false),
        (6, 'fay@example.com', '2023-09-14', true)`);
  });
}

/** The ids of the accounts that the shop has. */
export async function accountIds(url: string): Promise<readonly number[]> {
  return await onShop(url, async (client) => {
    const { rows } = await client.query<{ id: number }>('select id from accounts order by id');
    return rows.map(({ id }) => id);
  });
}

async function createDatabase(url: string): Promise<void> {
  const name = new URL(url).pathname.slice(1);
  const server = new URL(url);
  server.pathname = '/postgres';
  await onShop(server.toString(), async (client) => {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`create database ${escapeIdentifier(name)}`);
    }
  });
}

async function onShop<T>(url: string, use: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await use(client);
  } finally {
    await client.end();
  }
}
