import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder } from '../../../src/dev/cache-folder.js';

const run = promisify(execFile);

/** Where test tools are kept between runs: outside the checkout, unless COUNTERSIGN_TEST_CACHE says where. */
function testCache(): string {
  const chosen = process.env['COUNTERSIGN_TEST_CACHE'] ?? '';
  return chosen === '' ? join(cacheFolder(), 'test') : chosen;
}

/**
 * The Python of a virtual environment that has what a requirements file pins.
 *
 * It is made once for each content of the file and each version of Python, and is complete or not there.
 */
export async function pythonWith(name: string, requirements: string): Promise<string> {
  const base = process.env['PYTHON'] ?? 'python3';
  const { stdout } = await run(base, ['--version']).catch((error: unknown) => {
    throw new Error(`These tests need Python: install python3 with venv and pip.`, {
      cause: error,
    });
  });
  const hash = createHash('sha256')
    .update(stdout)
    .update(await readFile(requirements))
    .digest('hex');
  const folder = join(testCache(), 'python', `${name}-${hash.slice(0, 12)}`);
  const python = join(folder, 'bin', 'python');
  const complete = join(folder, 'complete');
  if (!existsSync(complete)) {
    console.log(`making a Python environment for ${name}; this happens once`);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder, { recursive: true });
    await run(base, ['-m', 'venv', folder]);
    const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check'];
    await run(python, [...pip, '-r', requirements], { maxBuffer: 16 * 1024 * 1024 });
    await writeFile(complete, '');
  }
  return python;
}
