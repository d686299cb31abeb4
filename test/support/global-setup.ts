import type { TestProject } from 'vitest/node';
import { ensureSearchAttributes } from '../../src/delivery/search-attributes.js';
import { startPostgres, type Postgres } from '../../src/dev/postgres.js';
import type { Running } from '../../src/dev/running.js';
import { findTemporalCli } from '../../src/dev/temporal-cli.js';
import { startTemporalServer, type TemporalServer } from '../../src/dev/temporal-server.js';
import { connectToTemporal } from './temporal.js';
import { sweepTestHomes, testHome } from './test-home.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** A PostgreSQL server that does not fsync; each test file makes databases of its own on it. */
    postgresUrl: string;
    /** A Temporal dev server that keeps nothing, search attributes registered; tests share it by task queues. */
    temporalAddress: string;
  }
}

/** Starts the servers that tests share: once a run, in a home that is removed afterwards. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await sweepTestHomes();
  const home = await testHome('run');
  const started: Running[] = [];
  const teardown = async (): Promise<void> => {
    await Promise.all(started.map((server) => server.stop()));
    await home.remove();
  };
  const keep = <T extends Running>(server: T): T => {
    started.push(server);
    return server;
  };
  const starts = [
    startPostgres({ home: home.path, durability: 'fast' }).then(keep<Postgres>),
    startTemporal(home.path).then(keep<TemporalServer>),
  ] as const;
  try {
    const [postgres, temporal] = await Promise.all(starts);
    await registerSearchAttributes(temporal.address);
    project.provide('postgresUrl', postgres.url);
    project.provide('temporalAddress', temporal.address);
  } catch (error) {
    await Promise.allSettled(starts);
    await teardown();
    throw error;
  }
  return teardown;
}

async function startTemporal(home: string): Promise<TemporalServer> {
  const cli = await findTemporalCli({
    env: process.env,
    onProgress: (line) => {
      console.log(line); // a first build takes minutes
    },
  });
  return await startTemporalServer({ home, cli: cli.path, inMemory: true });
}

async function registerSearchAttributes(address: string): Promise<void> {
  const connection = connectToTemporal(address);
  try {
    await ensureSearchAttributes(connection, 'default');
  } finally {
    await connection.close();
  }
}
