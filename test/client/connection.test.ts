import { createServer } from 'node:net';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { ConnectionError, createClient } from '../../src/client/index.js';
import { scriptedServer } from './scripted-server.js';

async function failureOf(work: Promise<unknown>): Promise<unknown> {
  return await work.then(
    () => null,
    (error: unknown) => error,
  );
}

/** An address at which nothing listens. */
async function deadUrl(): Promise<string> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
}

describe('ConnectionError', () => {
  test('names the URL at which nothing listens, and says what to do', async () => {
    const url = await deadUrl();
    const error = await failureOf(createClient({ url, token: 'cs_t' }).me());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(error).toMatchObject({
      url,
      message: `No answer from ${url} (nothing listens there): check that the server runs (\`countersign up\` starts one) and that the URL is its own.`,
    });
  });

  test('names a host that is not known', async () => {
    const client = createClient({ url: 'http://countersign.invalid', token: 'cs_t' });
    const error = await failureOf(client.me());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toMatch(/host name (is not known|could not be looked up)/);
  });

  test('says how long it waited for an answer that does not come', async () => {
    const { url } = await scriptedServer(null);
    const client = createClient({ url, token: 'cs_t', timeoutMs: 200 });
    const error = await failureOf(client.me());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain(`No answer from ${url} within 0.2 s`);
  });

  test('says that something else answers where no JSON comes back', async () => {
    const { url } = await scriptedServer({ body: '<html>hello</html>' });
    const error = await failureOf(createClient({ url, token: 'cs_t' }).me());
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain('is not a Countersign server');
  });

  test('names the target of a redirect, which is not followed', async () => {
    const target = await scriptedServer({ body: { id: 'u_ann' } });
    const { url } = await scriptedServer({ status: 301, headers: { location: target.url } });
    const client = createClient({ url, token: 'cs_t' });
    const error = await failureOf(client.reviews.approve('rev_1', 'rvr_1'));
    expect(error).toBeInstanceOf(ConnectionError);
    expect(String(error)).toContain(target.url);
    expect(target.seen).toEqual([]);
  });
});

describe('createClient', () => {
  test.each([
    ['127.0.0.1:8080', 'is not a URL'],
    ['ftp://127.0.0.1', 'http:// or https://'],
    ['http://u:p@127.0.0.1', 'carries a password'],
  ])('refuses %s', (url, reason) => {
    expect(() => createClient({ url, token: 'cs_t' })).toThrow(reason);
  });

  test.each(['', 'two words', 'cs_\nx', 'cs_é'])('refuses the token %j', (token) => {
    expect(() => createClient({ url: 'http://127.0.0.1', token })).toThrow('The token must be');
  });

  test('keeps the path of a server that stands behind one, and encodes ids', async () => {
    const { url, seen } = await scriptedServer({});
    const client = createClient({ url: `${url}/countersign/`, token: 'cs_t' });
    await client.reviews.get('rev_1/../..?x');
    expect(seen.map(({ path }) => path)).toEqual([
      '/countersign/v1/workflows/reviews/rev_1%2F..%2F..%3Fx',
    ]);
  });

  test('sends the token with every request, through a fetch of the caller', async () => {
    const { url, seen } = await scriptedServer({});
    const asked: string[] = [];
    const client = createClient({
      url,
      token: 'cs_t',
      fetch: async (input, init) => {
        asked.push(init?.method ?? '');
        return await fetch(input, init);
      },
    });
    await client.me();
    await client.tokens.create({ user_id: 'u_ann' });
    expect(asked).toEqual(['GET', 'POST']);
    expect(seen.map(({ headers }) => headers.authorization)).toEqual([
      'Bearer cs_t',
      'Bearer cs_t',
    ]);
  });
});
