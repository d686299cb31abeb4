import { writeWhole, type Home } from './home.js';
import { startPostgres, type Postgres } from './postgres.js';
import type { Supervisor } from './supervisor.js';
import { startTemporalServer, type TemporalServer } from './temporal-server.js';

type Print = (line: string) => void;

/** Keeps a PostgreSQL of our own running; a restart keeps its port, which its clients know. */
export async function supervisePostgres(
  home: Home,
  supervisor: Supervisor,
  print: Print,
): Promise<Postgres> {
  const first = firstOf<Postgres>();
  await supervisor.add({
    name: 'PostgreSQL',
    start: async (signal) =>
      first.keep(
        await startPostgres({
          home: home.path,
          durability: 'durable',
          signal,
          onProgress: print,
          ...(first.value === null ? {} : { port: first.value.port }),
        }),
      ),
  });
  return first.get();
}

/** Keeps a Temporal server of our own running; a restart keeps its ports. */
export async function superviseTemporal(
  home: Home,
  cli: string,
  namespace: string,
  supervisor: Supervisor,
): Promise<TemporalServer> {
  const first = firstOf<TemporalServer>();
  await supervisor.add({
    name: 'Temporal',
    start: async (signal) => {
      const { port, uiPort } = first.value ?? {};
      return first.keep(
        await startTemporalServer({
          home: home.path,
          cli,
          namespace,
          signal,
          ...(typeof port === 'number' ? { port } : {}),
          ...(typeof uiPort === 'number' ? { uiPort } : {}),
        }),
      );
    },
  });
  return first.get();
}

/**
 * The environment for clients of a Temporal server of our own: without the person's settings for another one.
 *
 * An API key or TLS, from the environment or from a profile, would keep a client out of this server.
 */
export async function clientEnvironment(
  home: Home,
  env: NodeJS.ProcessEnv,
): Promise<NodeJS.ProcessEnv> {
  const profiles = home.file('temporal', 'client.toml');
  await writeWhole(profiles, '# Nothing: clients of this server need no settings.\n');
  const kept = Object.entries(env).filter(([name]) => !name.startsWith('TEMPORAL_'));
  return { ...Object.fromEntries(kept), TEMPORAL_CONFIG_FILE: profiles };
}

/** Remembers the first handle among those that restarts will give. */
function firstOf<T>(): { value: T | null; keep(value: T): T; get(): T } {
  const slot = {
    value: null as T | null,
    keep: (value: T): T => {
      slot.value ??= value;
      return value;
    },
    get: (): T => {
      if (slot.value === null) {
        throw new Error('asked for a server before it has started');
      }
      return slot.value;
    },
  };
  return slot;
}
