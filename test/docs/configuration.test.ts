import { readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { document, firstCells, prose, ROOT } from './markdown.js';

const PAGE = document('docs/configuration.md').text;

/** What Temporal's library reads and we give no meaning to, each for a reason. */
const WITHOUT_EFFECT = [
  'TEMPORAL_CONFIG_FILE', // no configuration file is read
  'TEMPORAL_PROFILE',
  'TEMPORAL_CODEC_ENDPOINT', // histories hold nothing that would have to be encrypted
  'TEMPORAL_CODEC_AUTH',
  'TEMPORAL_TLS_DISABLE_HOST_VERIFICATION', // parsed by the library, and then not used by it
];

test('every variable that the code reads is documented, and every documented one is read', () => {
  expect(documented()).toEqual([...read()].toSorted());
});

test('every variable that docker-compose.yml gives to Countersign is documented', () => {
  const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const ours = compose.matchAll(
    /^ +((?:DATABASE_URL|LOG_LEVEL|COUNTERSIGN_\w+|TEMPORAL_(?:ADDRESS|NAMESPACE|UI_URL))): /gm,
  );
  const unknown = [...ours].map(([, name = '']) => name).filter((name) => !read().has(name));
  expect(unknown).toEqual([]);
});

test('the sentences about wrong values are those of the code', () => {
  const code = [...sources('src')].map((file) => readFileSync(file, 'utf8')).join('\n');
  const quoted = [...prose(PAGE).matchAll(/`it (must [^`]+)`/g)].map(([, words = '']) => words);
  expect(quoted.length).toBeGreaterThan(5);
  expect(quoted.filter((words) => !code.includes(words))).toEqual([]);
});

function documented(): readonly string[] {
  const names = firstCells(PAGE, 'variable').flatMap((cell) =>
    [...cell.matchAll(/`([A-Z_*]+)`/g)].map(([, name = '']) => name.replace(/\*$/, '')),
  );
  return [...new Set(names)].toSorted();
}

/** The variables that the product reads, by itself and through Temporal's library. */
function read(): ReadonlySet<string> {
  const names = new Set<string>();
  for (const file of sources('src')) {
    const text = readFileSync(file, 'utf8');
    for (const [, name = ''] of text.matchAll(/\benv(?:ironment)?\['([A-Z_]+)'\]/g)) {
      names.add(name);
    }
    // What the names of a family begin with.
    for (const [, name = ''] of text.matchAll(/'(COUNTERSIGN_[A-Z]+_)'/g)) {
      names.add(name);
    }
    if (file.endsWith(join('cli', 'config.ts'))) {
      for (const [, name = ''] of text.matchAll(/^ {2}([A-Z_]+): /gm)) {
        names.add(name);
      }
    }
  }
  const library = dirname(createRequire(import.meta.url).resolve('@temporalio/envconfig'));
  for (const file of readdirSync(library).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(join(library, file), 'utf8');
    for (const [, name = ''] of text.matchAll(/'(TEMPORAL_[A-Z_]+)'/g)) {
      names.add(name);
    }
  }
  for (const name of WITHOUT_EFFECT) {
    names.delete(name);
  }
  return names;
}

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })) {
    if (entry.endsWith('.ts')) {
      yield join(ROOT, folder, entry);
    }
  }
}
