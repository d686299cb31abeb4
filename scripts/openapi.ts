import { readFile, writeFile } from 'node:fs/promises';
import { createOpenApi } from '../src/api/openapi.js';
import { VERSION } from '../src/cli/version.js';

// Writes openapi.json; with --check it only compares, and fails when the file is not what the routes say.
const file = new URL('../openapi.json', import.meta.url);
const text = `${JSON.stringify(createOpenApi(VERSION), null, 2)}\n`;
if (!process.argv.includes('--check')) {
  await writeFile(file, text);
} else if ((await readFile(file, 'utf8').catch(() => '')) !== text) {
  console.error('openapi.json is not what the routes say: run `npx tsx scripts/openapi.ts`.');
  process.exitCode = 1;
}
