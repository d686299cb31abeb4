import { existsSync } from 'node:fs';
import { chmod, mkdir, mkdtemp, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ServerUser } from '../guarded-process.js';
import { writeWhole, type Home } from '../home.js';
import { SetupError } from '../setup-error.js';
import { errorText } from '../system-error.js';
import { canEnter, serverUser } from './server-user.js';

const SYSTEM_STATE = '/var/lib/countersign';

/** Where a home's cluster is or will be, and the user that its server runs as (null: ourselves). */
export type Place = { readonly folder: string; readonly user: ServerUser | null };

/**
 * The place for a home's cluster: in the home, unless the server's user cannot get there.
 *
 * That is so when root's checkout lies under /root. The cluster then goes to a folder of its own under /var/lib, and
 * a file in the home remembers which: delete the home, and the next start begins afresh.
 */
export async function clusterPlace(
  home: Home,
  say: (line: string) => void,
  elsewhere = SYSTEM_STATE,
): Promise<Place> {
  const pointer = home.file('postgres-folder');
  const remembered = (await readFile(pointer, 'utf8').catch(() => '')).trim();
  if (remembered !== '' && existsSync(dirname(remembered))) {
    return await placeAt(remembered);
  }
  const inHome = await placeAt(home.file('postgres'));
  if (await canEnter(inHome.user, home.path)) {
    return inHome;
  }
  try {
    await mkdir(elsewhere, { recursive: true });
    await chmod(elsewhere, 0o711); // whatever the umask is
    const folder = await mkdtemp(join(elsewhere, 'home-'));
    await chmod(folder, 0o711);
    const cluster = join(folder, 'postgres');
    await writeWhole(pointer, `${cluster}\n`);
    say(`PostgreSQL's user cannot enter ${home.path}, so its data is in ${folder}`);
    return await placeAt(cluster);
  } catch (error) {
    throw new SetupError(
      `PostgreSQL's user cannot enter ${home.path}, and ${elsewhere} cannot be used instead (${errorText(error)}): set COUNTERSIGN_HOME to a folder that every user may pass through.`,
      { cause: error },
    );
  }
}

async function placeAt(folder: string): Promise<Place> {
  return { folder, user: await serverUser(join(folder, 'data')) };
}
