import { expect, test } from 'vitest';
import { StatementNames } from '../../src/store/statement-names.js';

test('a statement has a name from its second time on, the same one for good', () => {
  const names = new StatementNames();
  expect(names.nameOf('select 1')).toBeNull();
  expect(names.nameOf('select 2')).toBeNull();
  expect(names.nameOf('select 1')).toBe('countersign_0');
  expect(names.nameOf('select 2')).toBe('countersign_1');
  expect(names.nameOf('select 1')).toBe('countersign_0');
});

test('however many statements come up, a server has to keep 256 at most, and those go on', () => {
  const names = new StatementNames();
  const given = Array.from({ length: 1_000 }, (_, index) => {
    names.nameOf(`select ${index}`);
    return names.nameOf(`select ${index}`);
  });
  expect(new Set(given).size).toBe(256 + 1);
  expect(names.nameOf('select 0')).toBe('countersign_0');
  expect(names.nameOf('select 999')).toBeNull();
});
