import { describe, expect, test } from 'vitest';
import { readHttpSettings } from '../../src/cli/http-settings.js';

const SECRET = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;

describe('readHttpSettings', () => {
  test('reads nothing as nothing', () => {
    const { allow, secrets } = readHttpSettings({ COUNTERSIGN_HTTP_ALLOW: '' });
    expect([allow.hosts.size, allow.networks.length, secrets.size]).toEqual([0, 0, 0]);
  });

  test('reads the list, and every secret by its variable', () => {
    const { allow, secrets } = readHttpSettings({
      COUNTERSIGN_HTTP_ALLOW: 'localhost:3000, 10.0.0.0/8',
      COUNTERSIGN_SECRET_BILLING: SECRET,
      COUNTERSIGN_SECRET_LEDGER_EU: `${SECRET} ${SECRET}`,
      COUNTERSIGN_SECRET_NONE: '',
      COUNTERSIGN_TOKEN: 'x',
    });
    expect([...allow.hosts]).toEqual(['localhost:3000']);
    expect(allow.networks).toHaveLength(1);
    expect([...secrets].map(([name, keys]) => [name, keys.length])).toEqual([
      ['COUNTERSIGN_SECRET_BILLING', 1],
      ['COUNTERSIGN_SECRET_LEDGER_EU', 2],
    ]);
  });

  test('names the entry of the list that is none', () => {
    expect(() => readHttpSettings({ COUNTERSIGN_HTTP_ALLOW: 'localhost,10/8' })).toThrow(
      "COUNTERSIGN_HTTP_ALLOW has '10/8': it must be host names, host:port and networks such as 10.0.0.0/8, with commas between them.",
    );
  });

  test('names the variable of a secret that is none, and never what it holds', () => {
    const read = (): unknown => readHttpSettings({ COUNTERSIGN_SECRET_BILLING: 'hunter2' });
    expect(read).toThrow(
      'COUNTERSIGN_SECRET_BILLING is no secret: it must be whsec_ and the base64 of 24 to 64 bytes, or several of them with blanks between.',
    );
    expect(read).not.toThrow('hunter2');
  });
});
