import { z } from 'zod';
import { parseDurationMs } from '../domain/duration.js';

/** A setting that cannot be used; the message names it and says what would be accepted. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

const port = z.coerce
  .number({ error: 'must be a port number (0 to 65535)' })
  .int('must be a port number (0 to 65535)')
  .min(0, 'must be a port number (0 to 65535)')
  .max(65_535, 'must be a port number (0 to 65535)');

const PUBLIC_URL = 'must be an http or https URL without a path';

const LONGEST_INTERVAL_MS = 24 * 3_600_000;

function isTimerInterval(value: string): boolean {
  const ms = parseDurationMs(value);
  return ms !== null && ms >= 1_000 && ms <= LONGEST_INTERVAL_MS;
}

const environment = z.object({
  PORT: port.default(8080),
  WORKER_PORT: port.optional(),
  HOST: z.string().min(1, 'must be an address to listen on').default('127.0.0.1'),
  COUNTERSIGN_HOME: z.string().min(1, 'must be a folder').default('.countersign'),
  DATABASE_URL: z
    .string()
    .regex(
      /^postgres(ql)?:\/\//,
      'must be a PostgreSQL URL (postgres://user:password@host/database)',
    )
    .optional(),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'], {
      error: 'must be trace, debug, info, warn, error or silent',
    })
    .default('info'),
  TEMPORAL_ADDRESS: z
    .string()
    .regex(/^[^\s/]+:\d+$/, 'must be host:port (without a scheme)')
    .optional(),
  TEMPORAL_UI_URL: z.url('must be a URL').optional(),
  COUNTERSIGN_PUBLIC_URL: z
    .url(PUBLIC_URL)
    .transform((value) => new URL(value))
    .refine((url) => /^https?:$/.test(url.protocol) && url.href === `${url.origin}/`, PUBLIC_URL)
    .optional(),
  COUNTERSIGN_VOTE_AS_MAX_AGE: z
    .string()
    .refine((value) => parseDurationMs(value) !== null, 'must be a duration such as 24h or 30d')
    .transform(parseDurationMs)
    .optional(),
  COUNTERSIGN_AUDIT_EVERY: z
    .string()
    .refine(isTimerInterval, 'must be a duration from 1s to 24h')
    .transform(parseDurationMs)
    .optional(),
  COUNTERSIGN_URL: z.url('must be a URL').optional(),
  COUNTERSIGN_TOKEN: z.string().min(1, 'must be a token').optional(),
});

/** What the environment configures; see `docs/configuration.md`. */
export type Config = {
  readonly port: number;
  /** Where a worker answers probes; null where it does not. */
  readonly workerPort: number | null;
  readonly host: string;
  readonly home: string;
  readonly databaseUrl: string | null;
  readonly logLevel: string;
  readonly temporalAddress: string | null;
  readonly temporalUiUrl: string | null;
  readonly publicUrl: URL | null;
  readonly voteAsMaxAgeMs: number | null;
  /** How often a worker compares the store with Temporal; null for its own choice. */
  readonly auditEveryMs: number | null;
  readonly url: string | null;
  readonly token: string | null;
};

/** Environment variables, as a process has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the configuration from the environment, once, at start-up.
 *
 * @throws ConfigError for the first value that cannot be used
 */
export function readConfig(env: Environment): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''));
  const parsed = environment.safeParse(given);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? 'the environment');
    throw new ConfigError(`${name} is '${env[name] ?? ''}': it ${issue?.message ?? 'is wrong'}.`);
  }
  const { data } = parsed;
  return {
    port: data.PORT,
    workerPort: data.WORKER_PORT ?? null,
    host: data.HOST,
    home: data.COUNTERSIGN_HOME,
    databaseUrl: data.DATABASE_URL ?? null,
    logLevel: data.LOG_LEVEL,
    temporalAddress: data.TEMPORAL_ADDRESS ?? null,
    temporalUiUrl: data.TEMPORAL_UI_URL ?? null,
    publicUrl: data.COUNTERSIGN_PUBLIC_URL ?? null,
    voteAsMaxAgeMs: data.COUNTERSIGN_VOTE_AS_MAX_AGE ?? null,
    auditEveryMs: data.COUNTERSIGN_AUDIT_EVERY ?? null,
    url: data.COUNTERSIGN_URL ?? null,
    token: data.COUNTERSIGN_TOKEN ?? null,
  };
}

/** The database that a process of its own needs. */
export function requireDatabaseUrl(config: Config): string {
  if (config.databaseUrl === null) {
    throw new ConfigError(
      'DATABASE_URL is not set: set it to a PostgreSQL URL, or run `countersign up` for a database of its own.',
    );
  }
  return config.databaseUrl;
}
