import type { Connection } from '@temporalio/client';
import { temporal } from '@temporalio/proto';

const { COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION } = temporal.api.enums.v1.CommandType;

/** Completes the workflow whose task waits in a queue, as a worker would. */
export async function completeWorkflow(connection: Connection, taskQueue: string): Promise<void> {
  const { workflowService } = connection;
  const task = await connection.withDeadline(Date.now() + 20_000, () =>
    workflowService.pollWorkflowTaskQueue({
      namespace: 'default',
      taskQueue: { name: taskQueue },
    }),
  );
  await workflowService.respondWorkflowTaskCompleted({
    namespace: 'default',
    taskToken: task.taskToken,
    commands: [
      {
        commandType: COMMAND_TYPE_COMPLETE_WORKFLOW_EXECUTION,
        completeWorkflowExecutionCommandAttributes: {},
      },
    ],
  });
}
