import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** Each line is wrong by itself, and the compiler's message about it holds the sentence. */
const LINES: readonly [string, string][] = [
  [
    "atLeast(3, group('a'), group('b'));",
    "Argument of type 'number' is not assignable to parameter of type 'Problem<\"atLeast(3, …) can never be met: it names 2 groups.\">'.",
  ],
  [
    "atLeast(0, group('a'));",
    '"atLeast(0, …) cannot be counted: the count is a whole number from 1."',
  ],
  [
    "allOf(atLeast(1, group('a'), group('b')), group('c'));",
    '"atLeast over several groups counts all groups of its gate: no other group can stand beside it."',
  ],
  ["allOf(group('a'), group('a'));", String.raw`"Group \"a\" stands here twice."`],
  [
    "defineWorkflow({ id: 'w', blocks: [book] });",
    String.raw`"Block \"book\" needs \"extract\", which is not in this workflow: add it to blocks."`,
  ],
  [
    'defineWorkflow({ id: "w", blocks: [extract, extract] });',
    String.raw`"Two blocks have the id \"extract\": give one of them another."`,
  ],
  [
    "defineWorkflow({ id: 'w', blocks: [extract.review({ onReject: 'drop' })] });",
    String.raw`"The gate of block \"extract\" drops an iteration, and it is in none: \"drop\" is for the body of a forEach."`,
  ],
  [
    "block.forEach('each', { executor: supplied(), body: [book] });",
    String.raw`"Block \"book\" needs \"extract\", which is neither in this body nor among the needs of \"each\"."`,
  ],
  [
    "extract.review({ release: 'manual' });",
    String.raw`"A manual release lets an approved input go on: it needs placement \"input\"."`,
  ],
  [
    'extract.review({ when: ({ confidenceLt }) => confidenceLt(85) });',
    '"85 is no likelihood: it is a number from 0 to 1."',
  ],
  [
    'extract.review({ when: ({ splitCountNeq }) => splitCountNeq(3) });',
    "Property 'splitCountNeq' does not exist on type 'WhenExtract<{ readonly total: number; }>'.",
  ],
  [
    'extract.review({ when: ({ output }) => output.totl.gt(3) });',
    "Property 'totl' does not exist on type 'ObjectField<{ readonly total: number; }>'. Did you mean 'total'?",
  ],
  ["extract.review({ titel: 'Totals' });", "'titel' does not exist in type 'GateOf<"],
  ["block.task('a', { needs: [extrct], executor: supplied() });", "Did you mean 'extract'?"],
];

const HEAD = [
  `import { allOf, atLeast, block, defineWorkflow, group, supplied } from '${ROOT}src/index.js';`,
  `const extract = block.extract('extract', { executor: supplied(), schema: { type: 'object', required: ['total'], properties: { total: { type: 'number' } } } });`,
  `const book = block.task('book', { needs: [extract], executor: supplied() });`,
];

let folder: string;
let output: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countersign-authoring-'));
  const source = [...HEAD, ...LINES.map(([line]) => line), ''].join('\n');
  await writeFile(join(folder, 'wrong.mts'), source);
  await writeFile(
    join(folder, 'tsconfig.json'),
    JSON.stringify({
      extends: join(ROOT, 'tsconfig.json'),
      compilerOptions: { types: [], typeRoots: [join(ROOT, 'node_modules/@types')] },
      include: ['wrong.mts'],
    }),
  );
  const tsc = join(ROOT, 'node_modules/typescript/bin/tsc');
  output = await new Promise((resolve) => {
    execFile(process.execPath, [tsc, '-p', folder, '--pretty', 'false'], (_, stdout) =>
      resolve(stdout),
    );
  });
});

afterAll(async () => {
  await rm(folder, { recursive: true });
});

/** What the compiler says of a line, counted from 1, with what it says further in. */
function saidOf(line: number): string {
  const all = output.split(/^(?=\S)/m);
  return all.filter((one) => one.includes(`wrong.mts(${line},`)).join('');
}

describe('the compiler says in a sentence', () => {
  test.each(LINES.map(([line, sentence], index) => ({ line, sentence, index })))(
    '$line',
    ({ sentence, index }) => {
      expect(saidOf(HEAD.length + index + 1)).toContain(sentence);
    },
  );

  test('and nothing about what is right', () => {
    for (let line = 1; line <= HEAD.length; line += 1) {
      expect(saidOf(line)).toBe('');
    }
  });
});
