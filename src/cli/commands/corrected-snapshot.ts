import { isJsonObject, type Json, type JsonObject } from '../../domain/json.js';
import { editSnapshot, type SnapshotEdit } from '../../domain/snapshot-edit.js';
import { parsePath } from '../../domain/snapshot-path.js';
import { errorText } from '../../dev/system-error.js';
import { CommandError } from './command-error.js';
import { editText } from './edit-text.js';
import { readJsonFile } from './read-input.js';

/** How a correction is told: as edits, as a whole file, or in an editor. */
export type CorrectionOptions = {
  readonly set?: readonly string[];
  readonly unset?: readonly string[];
  readonly file?: string;
  readonly edit?: boolean;
};

/** A corrected snapshot, and what is to be done with it afterwards. */
export type Corrected = {
  readonly snapshot: JsonObject;
  /** The file that holds what somebody wrote, until it has been sent; null where there is none. */
  readonly keptIn: string | null;
  readonly forget: () => Promise<void>;
};

/** Makes the corrected snapshot that the options ask for; the caller sends it. */
export async function correctSnapshot(
  before: JsonObject,
  { set = [], unset = [], file, edit = false }: CorrectionOptions,
): Promise<Corrected> {
  const ways = [set.length + unset.length > 0, file !== undefined, edit].filter(Boolean).length;
  if (ways !== 1) {
    throw new CommandError(
      'Say in one way what is to be corrected: with --set and --unset, with --file, or with --edit.',
    );
  }
  if (edit) {
    return await inEditor(before);
  }
  const forget = async (): Promise<void> => undefined;
  if (file === undefined) {
    return { snapshot: applyEdits(before, readEdits(set, unset)), keptIn: null, forget };
  }
  return { snapshot: asSnapshot(await readJsonFile(file), file), keptIn: null, forget };
}

async function inEditor(before: JsonObject): Promise<Corrected> {
  const { file, text, remove } = await editText(
    'snapshot.json',
    `${JSON.stringify(before, null, 2)}\n`,
  );
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new CommandError(
      `What you wrote is not JSON (${errorText(error)}). It is kept: correct it, and send it with --file ${file}.`,
      { cause: error },
    );
  }
  return { snapshot: asSnapshot(value, file), keptIn: file, forget: remove };
}

function asSnapshot(value: unknown, file: string): JsonObject {
  if (!isJsonObject(value)) {
    throw new CommandError(
      `${file === '-' ? 'Standard input' : file} holds no snapshot: expected the whole JSON object, as \`review show\` prints it.`,
    );
  }
  return value;
}

function readEdits(set: readonly string[], unset: readonly string[]): readonly SnapshotEdit[] {
  return [
    ...set.map(readSet),
    ...unset.map((text): SnapshotEdit => ({ kind: 'unset', path: readPath(text) })),
  ];
}

/** `path=value`: the value is JSON, and a text where it is none. */
function readSet(text: string): SnapshotEdit {
  for (let at = text.indexOf('='); at !== -1; at = text.indexOf('=', at + 1)) {
    const path = parsePath(text.slice(0, at)); // a key in quotes may hold a `=` of its own
    if (path !== null) {
      return { kind: 'set', path, value: readValue(text.slice(at + 1)) };
    }
  }
  throw new CommandError(
    `--set ${text} cannot be read: expected path=value, such as total_amount=325 or 'lines[0].vat'=19.`,
  );
}

function readPath(text: string): SnapshotEdit['path'] {
  const path = parsePath(text);
  if (path === null) {
    throw new CommandError(
      `--unset ${text} cannot be read: expected a path such as total_amount or lines[0].vat.`,
    );
  }
  return path;
}

function readValue(text: string): Json {
  try {
    // What JSON.parse gives is JSON.
    const value = JSON.parse(text) as Json; // oxlint-disable-line typescript/no-unsafe-type-assertion
    return value;
  } catch {
    return text;
  }
}

function applyEdits(before: JsonObject, edits: readonly SnapshotEdit[]): JsonObject {
  return edits.reduce((snapshot, edit) => {
    const edited = editSnapshot(snapshot, edit);
    if ('problem' in edited) {
      throw new CommandError(edited.problem);
    }
    return edited.snapshot;
  }, before);
}
