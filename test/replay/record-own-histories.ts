import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/cli/version.js';
import { type Installation, startInstallation } from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';
import { type Author, startAuthor } from '../workflows/own/author.js';
import { OWN_SCENARIOS } from '../workflows/own/scenarios.js';

// Not a test: run by `npm run record:histories`. It records authors' own workflows and their gates,
// and leaves alone what was recorded before.
describe(`histories of authors' own workflows, ${VERSION}`, () => {
  const folder = new URL(`histories/${VERSION}/`, import.meta.url);
  const missing = OWN_SCENARIOS.filter(
    ({ name }) => !existsSync(new URL(`${name}.author.json`, folder)),
  );
  let on: Installation;
  let op: Operator;
  let author: Author;

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    on = await startInstallation();
    op = new Operator(on.temporal.connection);
    author = await startAuthor(on, op);
  });
  afterAll(async () => {
    await author.stopWorker();
    await on.stop();
  });

  test('there may be nothing to record', () => {
    expect(missing.length).toBeLessThanOrEqual(OWN_SCENARIOS.length);
  });

  test.each(missing)('$name', async ({ name, isOpen, play }) => {
    const { workflowId } = await play({ on, op, author });
    const gates = (await op.history(workflowId)).flatMap(
      ({ childWorkflowExecutionStartedEventAttributes: started }) =>
        started?.workflowExecution?.workflowId ?? [],
    );
    const files = [
      [`${name}.author`, workflowId],
      ...gates.map((gate, index) => [`${name}.gatedBlockRun-${index + 1}`, gate]),
    ] as const;
    for (const [file = '', id = ''] of files) {
      if (!isOpen) {
        await until(`${id} to close`, async () => (await op.status(id)) !== 'RUNNING');
      }
      const history = await op.client.workflow.getHandle(id).fetchHistory();
      await writeFile(
        new URL(`${file}.json`, folder),
        `${JSON.stringify({ workflowId: id, history: JSON.parse(historyToJSON(history)) as unknown }, withoutStacks, 2)}\n`,
      );
      expect(history.events?.length).toBeGreaterThan(2);
    }
  });
});

/** Stack traces name folders of the machine that recorded them, and no replay reads them. */
function withoutStacks(key: string, value: unknown): unknown {
  return key === 'stackTrace' ? '' : value;
}
