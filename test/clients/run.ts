// `npm run test:clients`: the clients that vendors have published, unmodified, against a running stack.
// One folder for each client: what it is made of in requirements.txt, and its tests for pytest.
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from './support/run-program.js';
import { startStand } from './support/stand.js';
import { pythonWith } from './support/venv.js';

const ROOT = fileURLToPath(new URL('.', import.meta.url));

type Counts = { readonly passed: number; readonly failed: number; readonly skipped: number };

/** The counts of a report as pytest writes it; a report that is missing or empty counts as a failure. */
async function countReport(path: string): Promise<Counts> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const [suite = ''] = /<testsuite [^>]*>/.exec(text) ?? [];
  const read = (name: string): number =>
    Number(new RegExp(` ${name}="(\\d+)"`).exec(suite)?.[1] ?? '0');
  const [tests, skipped] = [read('tests'), read('skipped')];
  const failed = tests === 0 ? 1 : read('failures') + read('errors');
  return { passed: Math.max(0, tests - failed - skipped), failed, skipped };
}

const wanted = process.argv.slice(2);
const clients = (await readdir(ROOT))
  .filter((name) => existsSync(join(ROOT, name, 'requirements.txt')))
  .filter((name) => wanted.length === 0 || wanted.some((part) => name.includes(part)))
  .toSorted();
const reports = await mkdtemp(join(tmpdir(), 'countersign-test-clients-'));
const total = { passed: 0, failed: clients.length === 0 ? 1 : 0, skipped: 0 };
try {
  const pythons = new Map<string, string>();
  for (const name of clients) {
    pythons.set(name, await pythonWith(name, join(ROOT, name, 'requirements.txt')));
  }
  const stand = await startStand();
  try {
    for (const [name, python] of pythons) {
      console.log(`== ${name}`);
      const report = join(reports, `${name}.xml`);
      const code = await runProgram(
        python,
        [
          '-m',
          'pytest',
          '-q',
          '--rootdir',
          ROOT,
          '-p',
          'no:cacheprovider',
          `--junitxml=${report}`,
          name,
        ],
        { env: { ...stand.env, PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: ROOT }, cwd: ROOT },
      );
      const { passed, failed, skipped } = await countReport(report);
      total.passed += passed;
      total.failed += code !== 0 && failed === 0 ? 1 : failed;
      total.skipped += skipped;
    }
    if (total.failed > 0) {
      await stand.stack.tell();
    }
  } finally {
    await stand.remove();
  }
} catch (error) {
  console.error(error);
  total.failed += 1;
} finally {
  await rm(reports, { recursive: true, force: true });
}
console.log(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped`);
process.exitCode = total.failed === 0 ? 0 : 1;
