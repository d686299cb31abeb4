import { Connection } from '@temporalio/client';
import { msToTs, optionalTsToMs } from '@temporalio/common/lib/time.js';

const CALL_MS = 2_000;
const DAY_MS = 86_400_000;

/** How long closed workflows stay readable. It must exceed the longest that a delivery may stay owed. */
const RETENTION_DAYS = 30;

const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;

/** Uses a connection of its own, closed afterwards, to a dev server on this machine. */
export async function withConnection<T>(
  address: string,
  use: (connection: Connection) => Promise<T>,
): Promise<T> {
  const connection = connectToDevServer(address);
  try {
    return await use(connection);
  } finally {
    await connection.close();
  }
}

/** A connection for looking after a dev server on this machine: it gives up soon and reconnects at once. */
function connectToDevServer(address: string): Connection {
  return Connection.lazy({
    address,
    interceptors: [],
    channelArgs: {
      'grpc.initial_reconnect_backoff_ms': 20,
      'grpc.min_reconnect_backoff_ms': 20,
      'grpc.max_reconnect_backoff_ms': 100,
    },
  });
}

/** Whether a Temporal server answers there. */
export async function answersCalls(connection: Connection): Promise<boolean> {
  return await connection
    .withDeadline(Date.now() + CALL_MS, () => connection.workflowService.getSystemInfo({}))
    .then(
      () => true,
      () => false,
    );
}

/**
 * Makes sure that a namespace exists and keeps closed workflows long enough.
 *
 * The dev server starts with 24 hours, after which a decision still owed would meet a workflow that is missing
 * instead of one that has closed. It keeps what is set here in its database file.
 */
export async function ensureNamespace(connection: Connection, namespace: string): Promise<void> {
  const retention = msToTs(RETENTION_DAYS * DAY_MS);
  await connection.withDeadline(Date.now() + 5 * CALL_MS, async () => {
    const { workflowService } = connection;
    try {
      const { config } = await workflowService.describeNamespace({ namespace });
      if ((optionalTsToMs(config?.workflowExecutionRetentionTtl) ?? 0) < RETENTION_DAYS * DAY_MS) {
        await workflowService.updateNamespace({
          namespace,
          config: { workflowExecutionRetentionTtl: retention },
        });
      }
    } catch (error) {
      if (grpcCode(error) !== NOT_FOUND) {
        throw error;
      }
      await workflowService
        .registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention })
        .catch((refusal: unknown) => {
          if (grpcCode(refusal) !== ALREADY_EXISTS) {
            throw refusal;
          }
        });
    }
  });
}

function grpcCode(error: unknown): number | null {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number'
    ? error.code
    : null;
}
