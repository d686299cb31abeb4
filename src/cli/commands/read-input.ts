import { readFile } from 'node:fs/promises';
import { text } from 'node:stream/consumers';
import { errorCode, errorText } from '../../dev/system-error.js';
import { CommandError } from './command-error.js';

/** Reads a JSON file, or standard input for `-`. */
export async function readJsonFile(file: string): Promise<unknown> {
  const source = (await readText(file)).replace(/^\u{FEFF}/u, '');
  try {
    const value: unknown = JSON.parse(source);
    return value;
  } catch (error) {
    throw new CommandError(`${nameOf(file)} is not JSON (${errorText(error)}): correct it.`, {
      cause: error,
    });
  }
}

async function readText(file: string): Promise<string> {
  if (file === '-') {
    return await text(process.stdin);
  }
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    throw new CommandError(`Cannot read ${file} (${whyUnreadable(error)}): check the path.`, {
      cause: error,
    });
  }
}

function whyUnreadable(error: unknown): string {
  switch (errorCode(error)) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EISDIR':
      return 'it is a folder';
    case 'EACCES':
      return 'you may not read it';
    default:
      return errorText(error);
  }
}

function nameOf(file: string): string {
  return file === '-' ? 'Standard input' : file;
}
