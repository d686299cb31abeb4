import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readStepHolders } from '../support/holders.js';
import { type Installation, startInstallation } from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { payloadsOf, stringsIn, wordsOf } from '../support/payloads.js';
import { CANARY, SCENARIO_FUNCTIONS, SCENARIOS } from '../support/scenarios.js';

/** What may stand in a history: ids, verdicts, statuses, kinds, group names, times. */
const ALLOWED = [
  /^(run|rev|rvr|fct|wfv)_[A-Za-z0-9_~-]+(@[\d.]+(~[0-9a-f]+)?)?$/,
  /^\d+(\.\d+)*$/,
  /^wf-[0-9a-f-]+$/,
  /^(extract|book|drop|fetch|first|second|third|notes|start|each|check|keep|inner)$/,
  /^(u1|u2|u_admin|u_forger|countersign)$/,
  /^(group:finance#\d|anyone|finance)$/,
  /^(PENDING|APPROVED|REJECTED|REVOKED|PROCESSING|EXECUTED|UNKNOWN)$/,
  /^(pending|running|completed|error|cancelled|approved|rejected|revoked|failed|stopped|skipped|dropped)$/,
  /^(vote|release_requested|waiting|execute|begun|ended|blocked|unopened|input|output|superseded)$/,
  /^(auto|manual|admins|never|entries|none|cancel_run|continue)$/,
  /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/,
  /^(run|gate|iterations) of [\w-]+(@[\d.]+)?$/,
  // What was done in the workflow's own task.
  /^openGate$/,
  // Temporal's own word for an activity that was cancelled before a worker took it.
  /^ACTIVITY_ID_NOT_STARTED$/,
];

describe('what Temporal is told', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation(SCENARIO_FUNCTIONS);
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  test.each(SCENARIOS)('$name: ids and verdicts only', async ({ play }) => {
    const run = await play(on, op);
    const workflowIds = [run.id, ...(await readStepHolders(on.database.db, run.id))];
    for (const workflowId of workflowIds) {
      const events = await op.history(workflowId);
      expect(events.length).toBeGreaterThan(2);
      expect(wordsOf(events)).not.toContain(CANARY);
      const strangers = payloadsOf(events)
        .flatMap(stringsIn)
        .filter((text) => !ALLOWED.some((pattern) => pattern.test(text)));
      expect(strangers).toEqual([]);
    }
  });
});
