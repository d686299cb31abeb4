import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { BlockFunctions } from '../blocks.js';
import { ConfigError } from './config.js';

/**
 * Loads the block functions of a module's default export.
 *
 * @throws ConfigError when there is no such module, or it exports something else
 */
export async function loadBlocks(modulePath: string): Promise<BlockFunctions> {
  const file = resolve(modulePath);
  if (!existsSync(file)) {
    throw new ConfigError(`--blocks names '${modulePath}', and there is no such file.`);
  }
  const loaded: unknown = await import(pathToFileURL(file).href);
  const functions: unknown =
    typeof loaded === 'object' && loaded !== null && 'default' in loaded ? loaded.default : null;
  if (!areBlockFunctions(functions)) {
    throw new ConfigError(
      `--blocks names '${modulePath}', whose default export must be defineBlocks({ name: function, … }).`,
    );
  }
  return functions;
}

function areBlockFunctions(value: unknown): value is BlockFunctions {
  return (
    typeof value === 'object' &&
    value !== null &&
    Object.values(value).every((item) => typeof item === 'function')
  );
}
