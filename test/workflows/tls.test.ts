import { expect, inject, test } from 'vitest';
import { classify } from '../../src/delivery/classify.js';
import { openTemporal } from '../../src/delivery/temporal.js';
import { block, gate, passing, reviewer, startInstallation } from '../support/installation.js';
import { CA_CERT_PATH, startTlsProxy } from '../support/tls-proxy.js';

const API_KEY = 'a-key-of-the-test';

test('a Temporal behind TLS that wants an API key gets both from worker and delivery', async () => {
  const proxy = await startTlsProxy(inject('temporalAddress'), API_KEY);
  const env = {
    TEMPORAL_ADDRESS: proxy.address,
    TEMPORAL_TLS: 'true',
    TEMPORAL_TLS_SERVER_CA_CERT_PATH: CA_CERT_PATH,
    TEMPORAL_API_KEY: API_KEY,
  };
  const on = await startInstallation({}, env);
  const run = await on.run([block('extract', { review: gate() }), passing('book', 'extract')], {
    extract: { total: 5 },
  });
  await on.vote(await on.reviewOf(run, 'extract'), reviewer('u1'));
  expect(await on.ended(run)).toMatchObject({ status: 'completed' });
  expect(new Set(proxy.authorizations)).toEqual(new Set([`Bearer ${API_KEY}`]));

  const stranger = openTemporal({ ...env, TEMPORAL_API_KEY: 'another' });
  const refusal = await stranger.probe().catch((error: unknown) => classify(error));
  expect(refusal).toMatchObject({ kind: 'config', reason: 'UNAUTHENTICATED: ' });
  const untrusting = openTemporal({ ...env, TEMPORAL_TLS_SERVER_CA_CERT_PATH: '' }, 1_000);
  await expect(untrusting.probe()).rejects.toThrow(/certificate|deadline|UNAVAILABLE/i);

  const missing = { ...env, TEMPORAL_TLS_SERVER_CA_CERT_PATH: '/nowhere/ca.pem' };
  expect(() => openTemporal(missing)).toThrow(
    "The TEMPORAL_* settings cannot be used (ENOENT: no such file or directory, open '/nowhere/ca.pem'): correct the one that names it.",
  );

  await stranger.close();
  await untrusting.close();
  await on.stop();
  await proxy.close();
});
