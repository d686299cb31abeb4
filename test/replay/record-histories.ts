import { existsSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { historyToJSON } from '@temporalio/common/lib/proto-utils.js';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { VERSION } from '../../src/cli/version.js';
import { readStepHolders } from '../support/holders.js';
import { type Installation, startInstallation } from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { SCENARIO_FUNCTIONS, SCENARIOS } from '../support/scenarios.js';
import { until } from '../support/until.js';

// Not a test: run by `npm run record:histories`. It records what has no recording for this version yet.
// What is recorded is never touched: gates parked under it have to go on.
describe(`histories of ${VERSION}`, () => {
  const folder = new URL(`histories/${VERSION}/`, import.meta.url);
  const missing = SCENARIOS.filter(
    ({ name }) => !existsSync(new URL(`${name}.workflowRun.json`, folder)),
  );
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    await mkdir(folder, { recursive: true });
    on = await startInstallation(SCENARIO_FUNCTIONS);
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  test.each(missing)('$name', async ({ name, isOpen, play }) => {
    const run = await play(on, op);
    const workflowIds = [run.id, ...(await readStepHolders(on.database.db, run.id))];
    const counts = new Map<string, number>();
    for (const [index, workflowId] of workflowIds.entries()) {
      if (!isOpen) {
        await until(
          `${workflowId} to close`,
          async () => (await op.status(workflowId)) !== 'RUNNING',
        );
      }
      const history = await op.client.workflow.getHandle(workflowId).fetchHistory();
      const { type } = await op.client.workflow.getHandle(workflowId).describe();
      const count = (counts.get(type) ?? 0) + 1;
      counts.set(type, count);
      await writeFile(
        new URL(`${name}.${index === 0 ? type : `${type}-${count}`}.json`, folder),
        `${JSON.stringify({ workflowId, history: JSON.parse(historyToJSON(history)) as unknown }, withoutStacks, 2)}\n`,
      );
      expect(history.events?.length).toBeGreaterThan(2);
    }
  });
});

/** Stack traces name folders of the machine that recorded them, and no replay reads them. */
function withoutStacks(key: string, value: unknown): unknown {
  return key === 'stackTrace' ? '' : value;
}
