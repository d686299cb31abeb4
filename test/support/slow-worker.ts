import { NativeConnection, Worker } from '@temporalio/worker';
import { pino } from 'pino';
import { type Activities, createActivities } from '../../src/activities/index.js';
import { readHttpSettings } from '../../src/cli/http-settings.js';
import { workflowCode } from '../../src/cli/workflow-code.js';
import { createAuthorWorkflows } from '../../src/delivery/author-workflows.js';
import { createLineage } from '../../src/delivery/lineage.js';
import { temporalOptions } from '../../src/delivery/temporal.js';
import type { Installation } from './installation.js';

/** A worker of an installation with some of its activities held up from outside. */
export async function startSlowWorker(
  on: Installation,
  slow: (activities: Activities) => Partial<Activities>,
): Promise<{ stop(): Promise<void> }> {
  const { namespace, taskQueue, connectionOptions } = temporalOptions(on.env);
  const connection = await NativeConnection.connect(connectionOptions);
  const lineage = createLineage(on.temporal);
  const activities = createActivities({
    db: on.database.db,
    functions: {},
    http: readHttpSettings({}),
    stopping: new AbortController().signal,
    authorWorkflows: createAuthorWorkflows(on.temporal, lineage),
    lineage,
    logger: pino({ level: 'silent' }),
  });
  const worker = await Worker.create({
    connection,
    namespace,
    taskQueue,
    ...workflowCode(),
    activities: { ...activities, ...slow(activities) },
  });
  const done = worker.run();
  return {
    stop: async () => {
      worker.shutdown();
      await done;
      await connection.close();
    },
  };
}
