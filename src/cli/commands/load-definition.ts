import { existsSync } from 'node:fs';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { errorText } from '../../dev/system-error.js';
import { isJsonObject, type JsonObject } from '../../domain/json.js';
import { CommandError } from './command-error.js';
import { readJsonFile } from './read-input.js';

/** A definition as its author wrote it, and the id of the workflow that it is for. */
export type LoadedDefinition = {
  readonly workflowId: string;
  /** The body to send; whether it is a definition is the server's to say. */
  readonly body: JsonObject;
};

const MODULES = ['.ts', '.mts', '.js', '.mjs', '.cjs'];

/**
 * Loads a workflow file: JSON, or a module whose default export is the definition.
 *
 * @param workflowId the id, where it is not to be the one in the file
 * @throws CommandError
 */
export async function loadDefinition(file: string, workflowId?: string): Promise<LoadedDefinition> {
  const isModule = MODULES.includes(extname(file));
  const value = isModule ? await importDefault(file) : await readJsonFile(file);
  if (!isJsonObject(value)) {
    throw new CommandError(
      `${file} holds no workflow definition: expected an object { "id": …, "blocks": […] }${isModule ? ' as its default export' : ''}.`,
    );
  }
  const { id, workflow_id: sameId, ...body } = value;
  if (id !== undefined && sameId !== undefined && id !== sameId) {
    throw new CommandError(
      `${file} has both "id" and "workflow_id", and they differ: keep one of them.`,
    );
  }
  const chosen = workflowId ?? id ?? sameId;
  if (typeof chosen !== 'string') {
    throw new CommandError(
      `${file} does not say which workflow it is: add "id" to it, or use --id <workflow_id>.`,
    );
  }
  return { workflowId: chosen, body };
}

/** What a module exports by default, as the JSON that it is sent as. */
async function importDefault(file: string): Promise<unknown> {
  const path = resolve(file);
  if (!existsSync(path)) {
    throw new CommandError(`Cannot read ${file} (there is no such file): check the path.`);
  }
  try {
    const loaded = await importModule(pathToFileURL(path).href);
    const exported = defaultOf(loaded);
    // A module that a loader compiled to CommonJS has its own default export inside that of the file.
    const own = isCompiled(exported) ? defaultOf(exported) : exported;
    const plain: unknown = JSON.parse(JSON.stringify(own ?? null));
    return plain;
  } catch (error) {
    throw new CommandError(
      isDefinitionError(error)
        ? `${file} declares a workflow that is wrong: correct it.\n${error.message}`
        : `${file} cannot be loaded (${errorText(error)}): correct it.`,
      { cause: error },
    );
  }
}

/** By its name, because the module may have a copy of the builder of its own. */
function isDefinitionError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'DefinitionError';
}

async function importModule(url: string): Promise<unknown> {
  if (!/\.m?ts$/.test(url)) {
    const loaded: unknown = await import(url);
    return loaded;
  }
  const { tsImport } = await import('tsx/esm/api');
  const loaded: unknown = await tsImport(url, import.meta.url);
  return loaded;
}

function defaultOf(module: unknown): unknown {
  return typeof module === 'object' && module !== null && 'default' in module
    ? module.default
    : undefined;
}

function isCompiled(exported: unknown): boolean {
  return typeof exported === 'object' && exported !== null && '__esModule' in exported;
}
