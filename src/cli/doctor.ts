import pc from 'picocolors';
import { diagnose, type Finding, repair } from '../delivery/doctor.js';
import { openTemporal } from '../delivery/temporal.js';
import { openDatabase } from '../store/database.js';
import { checkSchema } from '../store/migrate.js';
import { readBacklog } from '../store/outbox.js';
import { type Environment, readConfig, requireDatabaseUrl } from './config.js';
import { localEnvironment } from './local-stack.js';

/**
 * Compares the store with Temporal, prints what it finds and, if asked, mends it.
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
  const database = openDatabase(databaseUrl, { maxConnections: 4 });
  const temporal = openTemporal(env);
  try {
    await checkSchema(database.db);
    await temporal.probe();
    const findings = await diagnose(database.db, temporal);
    const outcomes: { finding: Finding; fixed: boolean; error: string | null }[] = [];
    for (const finding of findings) {
      const { remedy } = finding;
      let fixed = false;
      let error: string | null = null;
      if (options.fix && remedy !== null) {
        try {
          await repair(database.db, temporal, remedy);
          fixed = true;
        } catch (cause) {
          error = cause instanceof Error ? cause.message : String(cause);
        }
      }
      outcomes.push({ finding, fixed, error });
    }
    const backlog = await readBacklog(database.db);
    if (options.json) {
      const found = outcomes.map(({ finding, fixed, error }) => ({ ...finding, fixed, error }));
      console.log(JSON.stringify({ findings: found, backlog }, null, 2));
    } else {
      print(outcomes, backlog.pending, options.fix);
    }
    // An unknown outcome is for a person to look into, and stays on record: it is said, not counted.
    return outcomes.every(({ finding, fixed }) => fixed || finding.code === 'OUTCOME_UNKNOWN')
      ? 0
      : 1;
  } finally {
    await temporal.close();
    await database.close();
  }
}

function print(
  outcomes: readonly { finding: Finding; fixed: boolean; error: string | null }[],
  pending: number,
  wasFixing: boolean,
): void {
  if (outcomes.length === 0) {
    console.log(
      `${pc.green('✓')} the store and Temporal agree; ${pending} messages are on their way`,
    );
    return;
  }
  for (const { finding, fixed, error } of outcomes) {
    const mark = fixed ? pc.green('✓ mended') : pc.yellow(`! ${finding.code}`);
    console.log(`${mark}  ${finding.message}${error === null ? '' : ` (${error})`}`);
  }
  if (!wasFixing && outcomes.some(({ finding }) => finding.remedy !== null)) {
    console.log('Run `countersign doctor --fix` to mend what can be mended.');
  }
}
