// `npm run test:schema`: sends what openapi.json allows, and what it does not, to a running stack. No answer
// may be a fault of the server, and none may be other than the document says.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../clients/support/run-program.js';
import { startStand } from '../clients/support/stand.js';
import { pythonWith } from '../clients/support/venv.js';
import { fillStack } from './fill-stack.js';

const ROOT = fileURLToPath(new URL('.', import.meta.url));
const SEED = 20_260_513;
const MAX_EXAMPLES = Number(process.env['SCHEMA_EXAMPLES'] ?? '8');

const CHECKS = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_headers_conformance',
  'response_schema_conformance',
  'unsupported_method',
  'allow_header_conformance',
].join(',');

type Counts = { passed: number; failed: number; skipped: number };

/** The counts of a report, by the operations that it tells of; none at all is a failure. */
async function countReport(path: string): Promise<Counts> {
  const text = await readFile(path, 'utf8').catch(() => '');
  const cases = [...text.matchAll(/<testcase [^>]*?(\/>|>[\s\S]*?<\/testcase>)/g)].map(
    ([one]) => one,
  );
  const failed = cases.filter((one) => /<(failure|error)\b/.test(one)).length;
  const skipped = cases.filter((one) => one.includes('<skipped')).length;
  const none = cases.length === 0 ? 1 : 0;
  return { passed: cases.length - failed - skipped, failed: failed + none, skipped };
}

const total: Counts = { passed: 0, failed: 0, skipped: 0 };
const reports = await mkdtemp(join(tmpdir(), 'countersign-test-schema-'));
try {
  const python = await pythonWith('schema', join(ROOT, 'requirements.txt'));
  const stand = await startStand();
  try {
    await fillStack(stand.stack);
    for (const person of ['ADMIN', 'FINANCE'] as const) {
      console.log(`== as ${person.toLowerCase()}`);
      const report = join(reports, `${person}.xml`);
      const code = await runProgram(
        python,
        [
          '-m',
          'schemathesis.cli',
          'run',
          `${stand.stack.url}/openapi.json`,
          `--header=authorization: Bearer ${stand.env[`COUNTERSIGN_TOKEN_${person}`]}`,
          `--checks=${CHECKS}`,
          '--phases=examples,coverage,fuzzing',
          `--max-examples=${MAX_EXAMPLES}`,
          `--seed=${SEED}`,
          '--continue-on-failure',
          '--no-shrink',
          '--request-timeout=20',
          '--warnings=off',
          '--exclude-path=/v1/events', // it streams until it is told to end
          '--report=junit',
          `--report-junit-path=${report}`,
        ],
        {
          env: { PYTHONDONTWRITEBYTECODE: '1', PYTHONPATH: ROOT, SCHEMATHESIS_HOOKS: 'hooks' },
          // It remembers things there, and each person's run is to be the same every time.
          cwd: await mkdtemp(join(reports, person)),
        },
      );
      const counts = await countReport(report);
      total.passed += counts.passed;
      total.failed += code !== 0 && counts.failed === 0 ? 1 : counts.failed;
      total.skipped += counts.skipped;
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
