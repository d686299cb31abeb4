import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DYNAMIC_CONFIG } from '../../src/dev/temporal/dynamic-config.js';
import { document, firstCells, ROOT } from './markdown.js';

test('docker-compose.yml tells its Temporal server what npm start tells its own', () => {
  const compose = readFileSync(join(ROOT, 'docker-compose.yml'), 'utf8');
  const settings = compose.matchAll(/^ {6}(\w+\.\w+):\n {8}- value: (\S+)$/gm);
  const given = Object.fromEntries([...settings].map(([, key = '', value]) => [key, value]));
  const ours = Object.entries(DYNAMIC_CONFIG).map(([key, value]) => [key, String(value)]);
  expect(given).toMatchObject(Object.fromEntries(ours));
});

test('the operators are told of every setting', () => {
  const cells = firstCells(document('docs/operations.md').text, 'setting').join(' ');
  const documented = [...cells.matchAll(/`([\w.]+)`/g)].map(([, key = '']) => key);
  expect(documented.toSorted()).toEqual(Object.keys(DYNAMIC_CONFIG).toSorted());
});
