// `npm run generate`: writes src/store/schema.ts from a freshly migrated database.
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startPostgres } from '../src/dev/postgres.js';
import { openDatabase } from '../src/store/database.js';
import { PATIENT_LIMITS } from '../src/store/limits.js';
import { migrate } from '../src/store/migrate.js';

const home = await mkdtemp(join(tmpdir(), 'countersign-schema-'));
const server = await startPostgres({ home, durability: 'fast' });
try {
  const database = openDatabase(server.url, { limits: PATIENT_LIMITS });
  await migrate(database.db);
  await database.close();
  execFileSync('node_modules/.bin/kysely-codegen', ['--url', server.url], { stdio: 'inherit' });
} finally {
  await server.stop();
  await rm(home, { recursive: true, force: true });
}
