import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ROUTES } from '../../src/api/routes.js';
import { documentedPath } from '../../src/api/path-pattern.js';
import { createProgram } from '../../src/cli/program.js';
import { isJsonObject } from '../../src/domain/json.js';
import { OPERATORS } from '../../src/rules/condition-operators.js';
import { parseDefinition } from '../../src/rules/definition.js';
import { NOT_YET_SUPPORTED } from '../../src/rules/not-yet-supported.js';
import { codeBlocks, document, documents, firstCells, prose, ROOT, section } from './markdown.js';

const gates = document('docs/gates.md').text;

describe('docs/gates.md', () => {
  test('shows definitions that can be stored', () => {
    const definitions = codeBlocks(gates)
      .filter(({ language }) => language === 'json')
      .map(({ code }): unknown => JSON.parse(code))
      .filter((value) => isJsonObject(value))
      .filter((value) => 'blocks' in value);
    expect(definitions).not.toEqual([]);
    for (const { id, ...body } of definitions) {
      expect(parseDefinition(typeof id === 'string' ? id : '', body)).toMatchObject({
        warnings: [],
      });
    }
  });

  test('lists what is not supported yet, and nothing else', () => {
    const rows = prose(section(gates, '## Not supported yet')).matchAll(
      /^\| (block|executor|review) \| `(\w+)`(?: `(\w+)`)? \|$/gm,
    );
    const listed = [...rows].map(([, where, key, value]) =>
      value === undefined ? { in: where, key } : { in: where, key, value },
    );
    expect(listed).toEqual(NOT_YET_SUPPORTED);
  });

  test('lists every operator of a condition', () => {
    const listed = firstCells(gates, 'operators').flatMap((cell) =>
      [...cell.matchAll(/`(\w+)`/g)].map(([, name = '']) => name),
    );
    expect(listed.toSorted()).toEqual(Object.keys(OPERATORS).toSorted());
  });
});

test('docs/operations.md explains every finding of doctor', () => {
  const code = readFileSync(join(ROOT, 'src/domain/drift.ts'), 'utf8');
  const codes = [...code.matchAll(/^ {4}\| '([A-Z_]+)';?$/gm)].map(([, name = '']) => name);
  expect(codes.length).toBeGreaterThan(5);
  expect(firstCells(document('docs/operations.md').text, 'finding')).toEqual(
    codes.map((name) => `\`${name}\``),
  );
});

test('docs/operations.md names every metric of ours', () => {
  const code = readFileSync(join(ROOT, 'src/api/metrics.ts'), 'utf8');
  const names = [...new Set([...code.matchAll(/'(countersign_\w+)'/g)].map(([, name]) => name))];
  expect(firstCells(document('docs/operations.md').text, 'metric').toSorted()).toEqual(
    names.map((name) => `\`${name}\``).toSorted(),
  );
});

test.each(documents())('every route that $path names is served', ({ text }) => {
  const served = ROUTES.map(
    ({ method, path }) => `${method.toUpperCase()} ${documentedPath(path)}`,
  );
  const named = [...prose(text).matchAll(/`((?:GET|POST|PUT|DELETE) \/[^`\s]*)`/g)];
  const unknown = named.map(([, route = '']) => route).filter((route) => !served.includes(route));
  expect(unknown).toEqual([]);
});

test('docs/api.md lists the codes that the API answers, and no others', () => {
  const form = readFileSync(join(ROOT, 'src/api/dialects/retab/form.ts'), 'utf8');
  const errors = readFileSync(join(ROOT, 'src/api/errors.ts'), 'utf8');
  // Those of the form by its tables and calls; those that are handed on by their declaration.
  const answered = new Set(
    [
      ...form.matchAll(/\b(?:code|[a-z]+): '([a-z_]+)'/g),
      ...form.matchAll(/^ {8}'([a-z_]+)',$/gm),
      ...errors.matchAll(/readonly code: '([a-z_]+)'/g),
    ].map(([, code = '']) => code),
  );
  for (const inner of ['invalid', 'refused', 'too_large', 'internal']) {
    answered.delete(inner); // given another name, or another form, on the way out
  }
  answered.add('body_too_large').add('snapshot_too_large');
  answered.add('busy').delete('conflict'); // the latter is shown by its reason
  const recovery = readFileSync(join(ROOT, 'src/domain/recovery.ts'), 'utf8');
  for (const [, code = ''] of recovery.matchAll(/readonly code: '([a-z_]+)'/g)) {
    answered.add(code);
  }
  const cells = section(document('docs/api.md').text, '## Errors').matchAll(
    /^\| \d{3} \| (.+) \|$/gm,
  );
  const listed = [...cells].flatMap(([, cell = '']) =>
    [...cell.matchAll(/`([a-z_]+)`/g)].map(([, code = '']) => code),
  );
  expect(listed.toSorted()).toEqual([...answered].toSorted());
});

test.each(documents())('every command that $path names exists', ({ text }) => {
  const program = createProgram();
  const unknown = commandsIn(text).filter((words) => {
    const [name, second, ...rest] = words.split(' ');
    const command = program.commands.find((each) => each.name() === name);
    const sub = command?.commands.find((each) => each.name() === second) ?? command;
    const known = sub?.options.map(({ long }) => long) ?? [];
    const options = [second, ...rest].filter((word) => word?.startsWith('--') === true);
    const isGroup = command !== undefined && command.commands.length > 0;
    return (
      sub === undefined ||
      (isGroup && sub === command && second?.startsWith('--') === false) ||
      options.some((option) => !known.includes(option))
    );
  });
  expect(unknown).toEqual([]);
});

/** What stands behind `countersign` where a document writes code: names and options, no values. */
function commandsIn(text: string): readonly string[] {
  const code = [
    ...[...prose(text).matchAll(/`([^`]+)`/g)].map(([, inline = '']) => inline),
    ...codeBlocks(text).flatMap((block) => block.code.split('\n')),
  ];
  return code.flatMap((line) =>
    [
      ...line.matchAll(
        /(?:^|[\s(])countersign ((?:[a-z]+(?:-[a-z]+)*|--[a-z-]+)(?: (?:[a-z]+(?!\S)|--[a-z-]+))*)(?!\S*:)/g,
      ),
    ].map(([, words = '']) => words),
  );
}
