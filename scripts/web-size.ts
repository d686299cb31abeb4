// `npm run web:size`: what a first visit to the inbox loads, and a failure when that is too much.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { z } from 'zod';

const BUILD = new URL('../dist/web/', import.meta.url);
const LIMIT_BYTES = 150_000;

/** What Vite writes of each chunk. */
const manifest = z.record(
  z.string(),
  z.object({
    file: z.string(),
    isEntry: z.boolean().default(false),
    imports: z.array(z.string()).default([]),
    css: z.array(z.string()).default([]),
  }),
);

async function main(): Promise<void> {
  const chunks = manifest.parse(JSON.parse(await read('.vite/manifest.json')));
  const wanted = Object.keys(chunks).filter((name) => chunks[name]?.isEntry === true);
  const files = new Set(['index.html', 'theme.js']);
  // A set is walked in the order of insertion, what is added on the way included.
  const names = new Set(wanted);
  for (const name of names) {
    const chunk = chunks[name];
    if (chunk !== undefined) {
      [chunk.file, ...chunk.css].forEach((file) => files.add(file));
      chunk.imports.forEach((inner) => names.add(inner));
    }
  }
  let sum = 0;
  for (const file of files) {
    const bytes = gzipSync(await read(file)).length;
    sum += bytes;
    console.log(`${inKilobytes(bytes).padStart(8)}  ${file}`);
  }
  console.log(`${inKilobytes(sum).padStart(8)}  a first visit, compressed`);
  if (sum > LIMIT_BYTES) {
    console.error(`That is more than ${inKilobytes(LIMIT_BYTES)}: load something of it later.`);
    process.exitCode = 1;
  }
}

async function read(file: string): Promise<string> {
  return await readFile(fileURLToPath(new URL(file, BUILD)), 'utf8');
}

function inKilobytes(bytes: number): string {
  return `${(bytes / 1_000).toFixed(1)} kB`;
}

await main();
