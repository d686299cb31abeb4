import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.js';
import { document, prose } from './markdown.js';

const PAGE = document('docs/cli.md').text;

/** What the page says of a command: its options, without `--json`, which all of them share. */
function documented(): ReadonlyMap<string, readonly string[]> {
  const rows = prose(PAGE).matchAll(/^\| `countersign ([a-z -]+)` \|[^|]+\|([^|]*)\|$/gm);
  return new Map(
    [...rows].map(([, name = '', options = '']) => [
      name,
      [...options.matchAll(/`(--[a-z-]+)`/g)].map(([, option = '']) => option),
    ]),
  );
}

/** The same of the command itself: everything that can be called and is in the help. */
function callable(command: Command, names: readonly string[] = []): readonly [string, string[]][] {
  const visible = command
    .createHelp()
    .visibleCommands(command)
    .filter((one) => one.name() !== 'help');
  if (visible.length > 0) {
    return visible.flatMap((one) => callable(one, [...names, one.name()]));
  }
  const options = command.options.map(({ long }) => long ?? '').filter((one) => one !== '--json');
  return [[names.join(' '), options]];
}

test('docs/cli.md lists every command with its options, and nothing else', () => {
  expect(Object.fromEntries(documented())).toEqual(Object.fromEntries(callable(createProgram())));
});

test('every command that prints a result can print it as JSON', () => {
  const without = (command: Command, names: readonly string[]): readonly string[] => {
    if (command.commands.length > 0) {
      return command.commands.flatMap((one) => without(one, [...names, one.name()]));
    }
    return command.options.some(({ long }) => long === '--json') ? [] : [names.join(' ')];
  };
  expect(without(createProgram(), [])).toEqual([
    'up',
    'api',
    'worker',
    'migrate',
    'completion',
    '__complete',
  ]);
});
