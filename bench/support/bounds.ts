import { Client } from 'pg';
import { nowMs } from './clock.js';
import type { Stage } from './stage.js';

/** What the answer to a vote takes at least beside a signal, each by itself, with nothing else going on. */
export type Bounds = {
  /** One row that has become durable. */
  readonly commitMs: number;
  /** A POST that nothing is done for. */
  readonly requestMs: number;
};

/** Measures what cannot be spared: one commit, and one request. */
export type BoundsMeter = {
  measure(): Promise<Bounds>;
  close(): Promise<void>;
};

/** Opens a connection and a table of its own for the commits. */
export async function openBoundsMeter({ databaseUrl, emptyUrl }: Stage): Promise<BoundsMeter> {
  const client = new Client({ connectionString: databaseUrl });
  await client.connect();
  await client.query('create schema bench; create table bench.committed (fact jsonb not null)');
  const insert = { name: 'commit', text: 'insert into bench.committed (fact) values ($1)' };
  const fact = JSON.stringify({ kind: 'vote', reviewerId: 'voter-1', verdict: 'approved' });
  return {
    measure: async () => ({
      commitMs: await timed(() => client.query({ ...insert, values: [fact] })),
      requestMs: await timed(async () => {
        const answer = await fetch(emptyUrl, { method: 'POST' });
        await answer.arrayBuffer();
      }),
    }),
    close: () => client.end(),
  };
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const fromMs = nowMs();
  await work();
  return nowMs() - fromMs;
}
