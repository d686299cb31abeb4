import pc from 'picocolors';
import { comparing, type Finding, type Outcome, repair } from '../delivery/doctor.js';
import { examine } from '../delivery/examine.js';
import { openTemporal, type Temporal } from '../delivery/temporal.js';
import { type Db, openDatabase } from '../store/database.js';
import { checkSchema } from '../store/migrate.js';
import { readBacklog } from '../store/outbox.js';
import { type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { localEnvironment } from './local-stack.js';

/** A finding, and what came of its remedy; null where nothing was tried. */
type Seen = {
  readonly finding: Finding;
  readonly outcome: Outcome | null;
  readonly error: string | null;
};

/**
 * Compares the store with Temporal, says what it finds as it finds it and, if asked, mends it at once.
 *
 * @returns the exit code: 0 when nothing is left to mend, 1 otherwise
 */
export async function runDoctor(
  processEnv: Environment,
  options: { readonly fix: boolean; readonly json: boolean },
): Promise<number> {
  const config = readConfig(processEnv);
  const env = await localEnvironment(config, processEnv);
  const databaseUrl = env['DATABASE_URL'] ?? requireDatabaseUrl(config);
  const database = openDatabase(databaseUrl, { maxConnections: 8 });
  const temporal = openTemporal(env);
  try {
    await checkSchema(database.db);
    await temporal.probe();
    const all: Seen[] = [];
    await examine(comparing(database.db, temporal), async (finding) => {
      const seen = await mend(database.db, temporal, finding, options.fix);
      all.push(seen);
      if (!options.json) {
        console.log(describe(seen));
      }
    });
    const backlog = await readBacklog(database.db);
    if (options.json) {
      const findings = all.map(({ finding, outcome, error }) => ({
        ...finding,
        fixed: isDone(outcome),
        outcome,
        error,
      }));
      console.log(JSON.stringify({ findings, backlog }, null, 2));
    } else if (all.length === 0) {
      console.log(
        `${pc.green('✓')} the store and Temporal agree; ${backlog.pending} messages are on their way`,
      );
    } else if (!options.fix && all.some(({ finding }) => finding.remedy !== null)) {
      console.log('Run `countersign doctor --fix` to mend what can be mended.');
    }
    // An unknown outcome is for a person to look into, and stays on record: it is said, not counted.
    return all.every(
      ({ finding, outcome }) => isDone(outcome) || finding.code === 'OUTCOME_UNKNOWN',
    )
      ? 0
      : 1;
  } finally {
    await temporal.close();
    await database.close();
  }
}

function isDone(outcome: Outcome | null): boolean {
  return outcome === 'mended' || outcome === 'no longer so';
}

async function mend(
  db: Db,
  temporal: Temporal,
  finding: Finding,
  isFixing: boolean,
): Promise<Seen> {
  const { remedy } = finding;
  if (!isFixing || remedy === null) {
    return { finding, outcome: null, error: null };
  }
  try {
    return { finding, outcome: await repair(db, temporal, remedy), error: null };
  } catch (cause) {
    const error = cause instanceof Error ? cause.message : String(cause);
    return { finding, outcome: 'not mended', error };
  }
}

function describe({ finding, outcome, error }: Seen): string {
  const { code, message } = finding;
  const why = error === null ? '' : ` (${error})`;
  switch (outcome) {
    case null:
      return `${pc.yellow(`! ${code}`)}  ${message}`;
    case 'mended':
    case 'no longer so':
      return `${pc.green(`✓ ${outcome}`)}  ${message}`;
    case 'not mended':
      return `${pc.yellow(`! not mended: ${code}`)}  ${message}${why === '' ? ' What was done has not shown an effect yet: run doctor again.' : why}`;
  }
}
