import { spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { CommandError } from './command-error.js';

/** What somebody wrote in their editor, and the file it is in, which only they can read. */
export type EditedFile = {
  readonly file: string;
  readonly text: string;
  /** Removes the file, once what is in it is no longer needed. */
  readonly remove: () => Promise<void>;
};

/**
 * Opens a text in the editor that VISUAL or EDITOR names, and waits until it is closed.
 *
 * @throws CommandError when there is no editor, or it fails; the file is removed then
 */
export async function editText(
  name: string,
  text: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<EditedFile> {
  const editor = [env['VISUAL'], env['EDITOR']].find((one) => one !== undefined && one !== '');
  if (editor === undefined) {
    throw new CommandError('No editor is set: set EDITOR to one, or use --set or --file.');
  }
  const folder = await mkdtemp(join(tmpdir(), 'countersign-'));
  const file = join(folder, name);
  await writeFile(file, text, { mode: 0o600 });
  const remove = async (): Promise<void> => rm(dirname(file), { recursive: true, force: true });
  const code = await run(editor, file).catch((error: unknown) => String(error));
  if (code !== 0) {
    await remove();
    throw new CommandError(
      `The editor '${editor}' failed (${code}), so nothing was sent: set EDITOR to one that works, or use --set or --file.`,
    );
  }
  return { file, text: await readFile(file, 'utf8'), remove };
}

/** The editor may come with arguments (`code --wait`), which a shell takes apart; the file is one of them. */
async function run(editor: string, file: string): Promise<number | string> {
  // Standard output may be read by a program: an editor draws on the terminal.
  const output = process.stdout.isTTY ? 'inherit' : 2;
  const child =
    process.platform === 'win32'
      ? spawn(`${editor} "${file}"`, { stdio: ['inherit', output, 'inherit'], shell: true })
      : spawn('/bin/sh', ['-c', `${editor} "$1"`, editor, file], {
          stdio: ['inherit', output, 'inherit'],
        });
  return await new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? String(signal)));
  });
}
