import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const SETTING = '--dynamic-config-value=history.transferProcessorMaxPollRPS=1000';

/**
 * Writes a program that is the Temporal CLI, but whose server hands on tasks as soon as they are there.
 *
 * By default a Temporal server polls the queue of tasks at most 20 times a second for each shard, and a
 * dev server has one shard: every step of a workflow waits for the next twentieth of a second, on
 * either side alike, which hides most of the difference that is to be measured.
 *
 * @returns its path
 */
export async function unthrottled(cli: string, folder: string): Promise<string> {
  const path = join(folder, 'temporal-unthrottled');
  const quoted = `'${cli.replaceAll("'", String.raw`'\''`)}'`;
  const script = `#!/bin/sh
case "$1" in
  server) exec ${quoted} "$@" ${SETTING} ;;
  *) exec ${quoted} "$@" ;;
esac
`;
  await writeFile(path, script, { mode: 0o700 });
  return path;
}
