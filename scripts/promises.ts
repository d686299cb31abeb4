// Proves that every promise in ARCHITECTURE.md names tests that exist: part of `npm run verify`.
import { readFileSync } from 'node:fs';

const PROMISES = 10;
const row = /^\| (\d+) \|[^|]*\| (.+) \|$/;
const reference = /`([^`]+)` "([^"]+)"/g;

const text = readFileSync(new URL('../ARCHITECTURE.md', import.meta.url), 'utf8');
const rows = text.split('\n').flatMap((line) => {
  const match = row.exec(line);
  return match === null ? [] : [{ promise: Number(match[1]), tests: match[2] ?? '' }];
});
const problems: string[] = [];
for (let promise = 1; promise <= PROMISES; promise += 1) {
  const named = rows
    .filter((one) => one.promise === promise)
    .flatMap(({ tests }) => [...tests.matchAll(reference)]);
  if (named.length === 0) {
    problems.push(`promise ${promise} names no test`);
  }
  for (const [, file = '', title = ''] of named) {
    if (!readTest(file).includes(title)) {
      problems.push(`promise ${promise} names "${title}", which ${file} does not have`);
    }
  }
}
if (problems.length > 0) {
  console.error(`ARCHITECTURE.md:\n${problems.join('\n')}`);
  process.exitCode = 1;
}

function readTest(file: string): string {
  try {
    return readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  } catch {
    return '';
  }
}
