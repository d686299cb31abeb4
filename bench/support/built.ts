import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

/**
 * A module of the build, by its path in `src`.
 *
 * The build is what is measured, because it is what people run: the loader that runs the sources of a
 * checkout makes every closure a little dearer.
 */
export async function built(path: string): Promise<unknown> {
  return await import(new URL(`../../dist/${path}.js`, import.meta.url).href);
}

/** Builds the checkout as it is. */
export async function build(): Promise<void> {
  const cwd = fileURLToPath(new URL('../../', import.meta.url));
  await promisify(execFile)('npm', ['run', 'build'], { cwd });
}
