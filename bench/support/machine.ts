import { open, rm } from 'node:fs/promises';
import { cpus, loadavg, totalmem } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { VERSION } from '../../src/cli/version.js';
import { openDatabase } from '../../src/store/database.js';
import { nowMs } from './clock.js';
import type { Stage } from './stage.js';
import { median } from './statistics.js';

/** What the figures were measured on. */
export type Machine = {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGb: number;
  readonly platform: string;
  /** The system's load averages (1, 5 and 15 minutes) before the bench added its own. */
  readonly load: readonly number[];
  /** How long the disk under the home takes to make 8 kB durable. */
  readonly fdatasyncMs: number;
  readonly versions: {
    readonly countersign: string;
    readonly node: string;
    readonly postgresql: string;
    readonly temporalServer: string;
  };
};

/** Describes the machine, its disk and the servers. */
export async function describeMachine(stage: Stage, load: readonly number[]): Promise<Machine> {
  const cores = cpus();
  const { connection } = stage.temporal;
  const { serverVersion } = await connection.workflowService.getSystemInfo({});
  return {
    cores: cores.length,
    cpu: cores[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    platform: `${process.platform} ${process.arch}`,
    load,
    fdatasyncMs: await timeDisk(stage.home),
    versions: {
      countersign: VERSION,
      node: process.version,
      postgresql: await postgresVersion(stage.databaseUrl),
      temporalServer: serverVersion,
    },
  };
}

/** The load of the system now. */
export function systemLoad(): readonly number[] {
  return loadavg().map((load) => Math.round(load * 10) / 10);
}

async function postgresVersion(databaseUrl: string): Promise<string> {
  const database = openDatabase(databaseUrl, { maxConnections: 1 });
  try {
    const { rows } = await sql<{ version: string }>`
      select current_setting('server_version') as version`.execute(database.db);
    return rows[0]?.version ?? 'unknown';
  } finally {
    await database.close();
  }
}

async function timeDisk(folder: string): Promise<number> {
  const path = join(folder, 'disk-probe');
  const file = await open(path, 'w');
  try {
    const page = Buffer.alloc(8_192, 1);
    const times: number[] = [];
    for (let write = 0; write < 50; write += 1) {
      const fromMs = nowMs();
      await file.write(page, 0, page.length, write * page.length);
      await file.datasync();
      times.push(nowMs() - fromMs);
    }
    return median(times);
  } finally {
    await file.close();
    await rm(path);
  }
}
