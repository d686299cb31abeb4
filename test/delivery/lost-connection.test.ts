import { afterAll, expect, inject, test } from 'vitest';
import { openTemporal } from '../../src/delivery/temporal.js';
import { freePort, LOOPBACK } from '../../src/dev/ports.js';
import { TcpProxy } from '../fault/campaign/tcp-proxy.js';
import { until } from '../support/until.js';

const [host = LOOPBACK, port = ''] = inject('temporalAddress').split(':');
const proxy = new TcpProxy({ host, port: Number(port) });
const listens = await freePort();
await proxy.listen(listens);
const temporal = openTemporal({ TEMPORAL_ADDRESS: `${LOOPBACK}:${listens}` });
afterAll(async () => {
  await temporal.close();
  await proxy.close();
});

test('a connection whose other side is gone without a word is given up within half a minute', async () => {
  await temporal.probe();
  proxy.cut('gone', 0);
  proxy.heal();
  await expect(temporal.probe()).rejects.toThrow();

  const isBack = (): Promise<boolean> =>
    temporal.probe().then(
      () => true,
      () => false,
    );
  await until('Temporal to answer on another connection', isBack, 30_000);
}, 60_000);
