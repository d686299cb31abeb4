import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where things are kept that can be made again at any time, such as a built Temporal CLI.
 *
 * It lies outside the checkout, so that a fresh clone or `git clean` costs nobody another build.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const explicit = env['XDG_CACHE_HOME'];
  if (explicit !== undefined && explicit !== '') {
    return join(explicit, 'countersign');
  }
  if (process.platform === 'win32') {
    return join(env['LOCALAPPDATA'] ?? join(homedir(), 'AppData', 'Local'), 'countersign', 'Cache');
  }
  return process.platform === 'darwin'
    ? join(homedir(), 'Library', 'Caches', 'countersign')
    : join(homedir(), '.cache', 'countersign');
}
