import { Connection } from '@temporalio/client';

/** A connection to the tests' Temporal server that reports a failure at once and retries nothing. The caller closes it. */
export function connectToTemporal(address: string): Connection {
  return Connection.lazy({
    address,
    interceptors: [],
    channelArgs: {
      'grpc.initial_reconnect_backoff_ms': 50,
      'grpc.max_reconnect_backoff_ms': 250,
    },
  });
}
