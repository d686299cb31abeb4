import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Plan } from './campaign.js';
import { FAULT_KINDS } from './faults.js';

const run = promisify(execFile);
const PATCHES = 'test/fault/mutants';

/** A planted fault: a patch, and what is known of how it shows. */
export type Mutant = {
  readonly name: string;
  readonly file: string;
  /** The first line of its file: what is wrong. */
  readonly description: string;
  readonly needs: Needs;
};

/** What a campaign has to have so that a fault shows: `# faults: kill,cut`, `# doctor: 500`, `# seconds: 40`. */
export type Needs = {
  readonly faults: Plan['faults'];
  readonly doctorEveryMs: number | null;
  readonly seconds: number;
};

/** Reads the patches of a checkout, by name. */
export async function readMutants(root: string): Promise<readonly Mutant[]> {
  const folder = join(root, PATCHES);
  const files = (await readdir(folder)).filter((name) => name.endsWith('.patch')).toSorted();
  return await Promise.all(
    files.map(async (name): Promise<Mutant> => {
      const file = join(folder, name);
      const head = (await readFile(file, 'utf8'))
        .split('\n')
        .filter((line) => line.startsWith('# '));
      const setting = (key: string): string | null =>
        head.find((line) => line.startsWith(`# ${key}: `))?.slice(key.length + 4) ?? null;
      const faults = setting('faults')?.split(',') ?? [];
      const doctor = setting('doctor');
      return {
        name: name.replace('.patch', ''),
        file,
        description: head[0]?.slice(2) ?? '(no description)',
        needs: {
          faults: FAULT_KINDS.filter((kind) => faults.includes(kind)),
          doctorEveryMs: doctor === null ? null : Number(doctor),
          seconds: Number(setting('seconds') ?? 20),
        },
      };
    }),
  );
}

/** The patches that do not apply any more, with what `git` says about each. */
export async function unfitPatches(
  mutants: readonly Mutant[],
  root: string,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const { name, file } of mutants) {
    await run('git', ['apply', '--check', '--whitespace=nowarn', file], { cwd: root }).catch(
      (error: unknown) => {
        wrong.push(`${name}: ${error instanceof Error ? error.message : String(error)}`);
      },
    );
  }
  return wrong;
}
