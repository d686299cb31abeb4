import { randomBytes } from 'node:crypto';
import { createServer as createTcpServer } from 'node:net';
import type { ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';
import { CancelledFailure } from '@temporalio/activity';
import { Webhook } from 'standardwebhooks';
import { describe, expect, onTestFinished, test } from 'vitest';
import { executeBlock } from '../../src/activities/execute-block.js';
import type { Execution } from '../../src/activities/execution.js';
import type { HttpSettings } from '../../src/activities/http-executor.js';
import { parseAllowList } from '../../src/activities/http-guard.js';
import { parseSecret } from '../../src/activities/http-signature.js';
import type { Block, BlockInput, Executor } from '../../src/domain/definition.js';
import { MAX_SNAPSHOT_BYTES } from '../../src/rules/canonical.js';
import { block, gate } from '../support/installation.js';
import { until } from '../support/until.js';
import { listening, type Service, startService } from './http-service.js';

const SECRET = `whsec_${Buffer.alloc(32, 5).toString('base64')}`;
const ONCE = { repeatable: false, attempts: 1, timeout: '20s' };
const GIVEN: BlockInput = { input: { z: 1, note: 'é' }, blocks: { extract: { total: 1.5 } } };

function settings(allow: string, more: Partial<HttpSettings> = {}): HttpSettings {
  const parsed = parseAllowList(allow);
  const secrets = new Map([['COUNTERSIGN_SECRET_BILLING', parseSecret(SECRET) ?? []]]);
  return { allow: 'wrong' in parsed ? expect.fail(parsed.wrong) : parsed, secrets, ...more };
}

type Call = {
  readonly executor?: Partial<Extract<Executor, { kind: 'http' }>>;
  readonly block?: Partial<Block>;
  readonly http?: HttpSettings;
  readonly cancelled?: AbortSignal;
  readonly attempt?: number;
};

async function call(url: string, about: Call = {}): Promise<Execution> {
  const executor = { kind: 'http', url, ...about.executor } as const;
  return await executeBlock(
    block('pay', { executor, ...about.block }),
    GIVEN,
    { functions: {}, http: about.http ?? settings('127.0.0.1') },
    {
      stepId: 'run_1_pay@0.3',
      runId: 'run_1',
      attempt: about.attempt ?? 1,
      cancelled: about.cancelled ?? new AbortController().signal,
      heartbeat: () => {},
    },
  );
}

async function serve(answer: Parameters<typeof startService>[0]): Promise<Service> {
  const service = await startService(answer);
  onTestFinished(() => service.close());
  return service;
}

function json(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

/** Answers a status with plain words. */
function words(status: number, text = '', headers: Readonly<Record<string, string>> = {}) {
  return (response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'text/plain', ...headers }).end(text);
  };
}

describe('the request', () => {
  test('is a signed POST, whose body and id are the same in every attempt', async () => {
    const service = await serve((response) => json(response, { paid: true }));
    for (const attempt of [1, 2]) {
      const execution = await call(`${service.url}/pay?tenant=7`, {
        attempt,
        executor: { secret_name: 'billing' },
      });
      expect(execution).toEqual({
        kind: 'result',
        result: { output: { paid: true }, consensus: null, source: null },
      });
    }
    const [first, second] = service.received;
    expect(first).toMatchObject({
      method: 'POST',
      path: '/pay?tenant=7',
      headers: {
        'webhook-id': 'run_1_pay@0.3',
        'idempotency-key': 'run_1_pay@0.3',
        'countersign-attempt': '1',
        'content-type': 'application/json',
        accept: 'application/json',
      },
      body: '{"block_id":"pay","input":{"blocks":{"extract":{"total":1.5}},"input":{"note":"é","z":1}},"run_id":"run_1","step_id":"run_1_pay@0.3"}',
    });
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    expect(second?.headers['countersign-attempt']).toBe('2');
    for (const { body, headers } of service.received) {
      expect(new Webhook(SECRET).verify(body, headers)).toEqual(JSON.parse(body));
    }
  });

  test('goes out unsigned where no secret is declared', async () => {
    const service = await serve((response) => json(response, 1));
    await call(service.url);
    expect(service.received[0]?.headers).not.toHaveProperty('webhook-signature');
    expect(service.received[0]?.headers['webhook-id']).toBe('run_1_pay@0.3');
  });

  test('is not sent where the worker lacks the secret, and the failure names the variable', async () => {
    const service = await serve((response) => json(response, 1));
    expect(await call(service.url, { executor: { secret_name: 'ledger-eu' } })).toEqual({
      kind: 'failure',
      isFinal: true,
      hasRun: false,
      retryAfterMs: null,
      message:
        "Block 'pay' signs with the secret 'ledger-eu', which this worker does not have: set COUNTERSIGN_SECRET_LEDGER_EU, restart the worker, and retry the run.",
    });
    expect(service.received).toEqual([]);
  });
});

describe('an answer', () => {
  const MOST = MAX_SNAPSHOT_BYTES;

  test('is an output, or an output with what belongs to it', async () => {
    const answer = {
      output: { n: 1 },
      consensus: { likelihoods: 0.5 },
      source: 'https://x.example',
    };
    const service = await serve((response) => json(response, answer));
    expect(await call(service.url)).toEqual({ kind: 'result', result: answer });
  });

  test.each(['application/json; charset=utf-8', 'application/problem+json', 'APPLICATION/JSON'])(
    'may come as %s',
    async (type) => {
      const service = await serve((response) => {
        response.writeHead(201, { 'content-type': type }).end('[1]');
      });
      expect(await call(service.url)).toMatchObject({ result: { output: [1] } });
    },
  );

  test('may be packed with gzip', async () => {
    const service = await serve((response, { headers }) => {
      expect(headers['accept-encoding']).toBe('gzip');
      response.writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' });
      response.end(gzipSync('{"n":1}'));
    });
    expect(await call(service.url)).toMatchObject({ result: { output: { n: 1 } } });
  });

  test('may take 8 MiB, and room for what belongs to it', async () => {
    const output = 'a'.repeat(MOST - 2);
    const service = await serve((response) =>
      json(response, { output, source: 'https://x.example' }),
    );
    expect(await call(service.url)).toMatchObject({ kind: 'result', result: { output } });
  });

  test.each<[string, Parameters<typeof startService>[0], string]>([
    ['204', (response) => void response.writeHead(204).end(), ': 204 without a body: answer JSON'],
    ['200 without a body', words(200), ': 200 without a body: answer JSON'],
    ['HTML', words(200, '<p>', { 'content-type': 'text/html' }), 'with the content type text/html'],
    [
      'no content type',
      (response) => void response.writeHead(200).end('{}'),
      'without a content type',
    ],
    [
      'broken JSON',
      words(200, '{"a":', { 'content-type': 'application/json' }),
      'with a body that is no JSON',
    ],
    [
      'no UTF-8',
      (response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json' })
          .end(Buffer.from([0x22, 0xff, 0x22])),
      'with a body that is no JSON',
    ],
    [
      'another encoding',
      words(200, '{}', { 'content-encoding': 'br' }),
      'in the encoding br: answer as it is, or with gzip',
    ],
    [
      'what claims to be gzip',
      words(200, '{}', { 'content-type': 'application/json', 'content-encoding': 'gzip' }),
      'a body that is no gzip (Z_DATA_ERROR)',
    ],
    [
      'half a gzip',
      (response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end(gzipSync(JSON.stringify(randomBytes(500).toString('hex'))).subarray(0, 200)),
      'a body that is no gzip (Z_BUF_ERROR)',
    ],
    [
      'a redirect',
      words(302, '', { location: '/elsewhere?token=SECRET' }),
      '/elsewhere, which is not followed: declare the URL it leads to.',
    ],
    ['a redirect to nowhere', words(304), ': 304, a redirect, which is not followed'],
    [
      'an integer beyond 2^53',
      words(200, '{"n":9007199254740993}', { 'content-type': 'application/json' }),
      'its output at n is 9007199254740992, beyond',
    ],
    [
      'an output above 8 MiB',
      (response) => json(response, { output: 'a'.repeat(MOST - 1) }),
      'its output takes more than 8388608 bytes',
    ],
    [
      'a huge body with its length',
      (response) => json(response, 'a'.repeat(MOST + 1024 * 1024)),
      'more than 9437184 bytes',
    ],
    [
      'a huge body in pieces',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const piece = 'a'.repeat(1024 * 1024);
        const more = (): void => {
          if (!response.destroyed && response.write(piece)) {
            setImmediate(more);
          }
        };
        response.on('drain', more);
        more();
      },
      'more than 9437184 bytes',
    ],
    [
      'a gzip that unpacks to a gigabyte',
      (response) =>
        void response
          .writeHead(200, { 'content-type': 'application/json', 'content-encoding': 'gzip' })
          .end(Buffer.concat(Array.from({ length: 16 }, () => BOMB))),
      'more than 9437184 bytes',
    ],
    [
      'huge headers',
      (response) => void response.writeHead(200, { 'x-much': 'a'.repeat(40_000) }).end('{}'),
      'more than 9437184 bytes, or more than 32768 of headers',
    ],
  ])(
    'of %s is a failure for good, even where a repeat would do no harm',
    async (_, answer, says) => {
      const service = await serve(answer);
      for (const execution of [ONCE, { ...ONCE, repeatable: true, attempts: 3 }]) {
        const outcome = await call(service.url, { block: { execution } });
        expect(outcome).toMatchObject({ kind: 'failure', isFinal: true });
        expect(messageOf(outcome)).toContain(says);
        expect(messageOf(outcome)).not.toContain('SECRET');
      }
      expect(service.received).toHaveLength(2);
    },
  );

  test('that is no object cannot be reviewed', async () => {
    const service = await serve((response) => json(response, [1]));
    expect(await call(service.url, { block: { review: gate() } })).toMatchObject({
      kind: 'failure',
      isFinal: true,
      message: expect.stringContaining('only a JSON object can be reviewed') as unknown,
    });
  });
});

const BOMB = gzipSync(Buffer.alloc(64 * 1024 * 1024, 'a'));

function messageOf(execution: Execution): string {
  return 'message' in execution ? execution.message : '';
}

describe('a refusal', () => {
  test.each([400, 401, 402, 403, 404, 405, 406, 410, 413, 415, 422, 451])(
    '%d is final: it would be refused again',
    async (status) => {
      const service = await serve(words(status, 'no such account'));
      const execution = await call(service.url);
      expect(execution).toMatchObject({ kind: 'failure', isFinal: true, retryAfterMs: null });
      expect(messageOf(execution)).toContain(
        `was refused by ${service.url}/ with ${status} (no such account), and would be again: `,
      );
      expect(messageOf(execution).includes('check that both sides have the same secret')).toBe(
        status === 401 || status === 403,
      );
    },
  );

  test.each([408, 409, 425, 429, 500, 501, 503, 507])('%d may pass', async (status) => {
    const service = await serve(words(status, 'later'));
    for (const execution of [ONCE, { ...ONCE, repeatable: true, attempts: 3 }]) {
      expect(await call(service.url, { block: { execution } })).toEqual({
        kind: 'failure',
        isFinal: false,
        hasRun: true,
        retryAfterMs: null,
        message: `Block 'pay' was refused by ${service.url}/ with ${status} (later): mend the service, and retry the run.`,
      });
    }
  });

  test.each([502, 504, 520, 521, 522, 523, 524])(
    '%d is a gateway’s word: silence where a repeat could do harm',
    async (status) => {
      const service = await serve(words(status));
      expect(await call(service.url, { block: { execution: ONCE } })).toEqual({
        kind: 'silence',
        message: `Block 'pay' got ${status} from a gateway before ${service.url}/: look why the service behind it does not answer.`,
      });
      expect(await call(service.url)).toMatchObject({ kind: 'failure', isFinal: false });
    },
  );

  test.each<[number, string, number | null]>([
    [429, '7', 7_000],
    [503, '120', 120_000],
    [503, '86400', 3_600_000],
    [503, '0', null],
    [503, 'soon', null],
    [503, '-5', null],
    [503, 'Thu, 01 Jan 1970 00:00:00 GMT', null],
    [503, 'Fri, 01 Jan 2100 00:00:00 GMT', 3_600_000],
    [500, '7', null],
    [404, '7', null],
  ])('%d with Retry-After %s is left alone for %j ms', async (status, value, expected) => {
    const service = await serve(words(status, '', { 'retry-after': value }));
    expect(await call(service.url)).toMatchObject({ kind: 'failure', retryAfterMs: expected });
  });

  test('shows 500 characters of its words at most, and none that harm', async () => {
    const service = await serve(words(400, `\0\x1b[2J ${SECRET}\n\n${'x'.repeat(5_000)}`));
    const message = messageOf(await call(service.url));
    expect(message).toContain(' (');
    expect(message).toContain('[2J whsec_… xxx');
    expect(message).not.toMatch(/\p{Cc}/u);
    expect(message).not.toContain(SECRET);
    expect(message.length).toBeLessThan(800);
  });

  test('is told without its words where they do not come', async () => {
    const service = await serve((response) => {
      response.writeHead(404, { 'content-type': 'text/plain' });
      response.write('no such');
    });
    expect(messageOf(await call(service.url))).toContain('with 404, and would be again');
  });
});

describe('a request that never arrived is a failure, whether it may be repeated or not', () => {
  async function refusedPort(): Promise<number> {
    const server = createTcpServer();
    const port = await listening(server);
    await new Promise((resolve) => server.close(resolve));
    return port;
  }

  const never = async (url: string, http: HttpSettings): Promise<Execution> =>
    await call(url, { http, block: { execution: ONCE } });

  test('nobody listens', async () => {
    const url = `http://127.0.0.1:${await refusedPort()}`;
    expect(await never(url, settings('127.0.0.1'))).toEqual({
      kind: 'failure',
      isFinal: false,
      hasRun: false,
      retryAfterMs: null,
      message: `Block 'pay' did not reach ${url}/: nobody listens there; check the URL and the service, and retry the run.`,
    });
  });

  test('nobody listens at any of its addresses', async () => {
    const port = await refusedPort();
    const both = { resolve: async () => await Promise.resolve([V4, V6]) };
    const outcome = await never(`http://billing:${port}`, settings('billing', both));
    expect(messageOf(outcome)).toContain('nobody listens there');
  });

  test('there is no such host', async () => {
    const url = 'http://nobody.invalid';
    const missing = Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' });
    const outcome = await never(
      url,
      settings('', { resolve: async () => await Promise.reject(missing) }),
    );
    expect(outcome).toMatchObject({ kind: 'failure', isFinal: false });
    expect(messageOf(outcome)).toContain('did not reach http://nobody.invalid/: there is no such');
  });

  test('its name is not looked up in time', async () => {
    const slow = settings('', { resolve: async () => await new Promise<never>(() => {}) });
    const outcome = await call('http://slow.example', {
      http: slow,
      executor: { timeout: '50ms' },
      block: { execution: ONCE },
    });
    expect(outcome).toMatchObject({ kind: 'failure', isFinal: false });
    expect(messageOf(outcome)).toContain('it did not take a connection within 50ms');
  });

  test('it does not speak TLS', async () => {
    const service = await serve((response) => json(response, 1));
    const outcome = await never(`https://127.0.0.1:${service.port}`, settings('127.0.0.1'));
    expect(outcome).toMatchObject({ kind: 'failure', isFinal: false });
    expect(messageOf(outcome)).toContain('no connection came about (');
    expect(service.received).toEqual([]);
  });
});

const V4 = { address: '127.0.0.1', family: 4 };
const V6 = { address: '::1', family: 6 };

describe('the guard', () => {
  test.each<[string, string, string]>([
    ['http://127.0.0.1', '', '127.0.0.1 is a loopback address'],
    ['http://127.1', '', '127.0.0.1 is a loopback address'],
    ['http://0x7f000001', '', '127.0.0.1 is a loopback address'],
    ['http://2130706433', '', '127.0.0.1 is a loopback address'],
    ['http://0', '', '0.0.0.0 is the unspecified address'],
    ['http://[::1]', '', '::1 is a loopback address'],
    ['http://[::ffff:127.0.0.1]', '127.0.0.1', '::ffff:7f00:1 is an IPv4 address inside'],
    ['http://169.254.169.254/latest/meta-data', '127.0.0.1', '169.254.169.254 is a link-local'],
    ['http://localhost', '', 'localhost leads to a loopback address'],
  ])('does not let %s be called with %j on the list', async (url, allow, says) => {
    const outcome = await call(url, { http: settings(allow), block: { execution: ONCE } });
    expect(outcome).toMatchObject({ kind: 'failure', isFinal: true });
    expect(messageOf(outcome)).toContain(says);
    expect(messageOf(outcome)).toContain(
      'declare another URL, or let an operator name it in COUNTERSIGN_HTTP_ALLOW.',
    );
  });

  test('judges the address that is connected to: one that changes after a first look is of no use', async () => {
    const service = await serve((response) => json(response, 1));
    const answers = [{ address: '93.184.215.14', family: 4 }, V4];
    const asked: string[] = [];
    const rebinding = settings('', {
      resolve: async (hostname) => {
        asked.push(hostname);
        // Nothing but the last answer leads anywhere.
        return await Promise.resolve([answers[asked.length] ?? V4]);
      },
    });
    const outcome = await call(`http://rebound.example:${service.port}`, { http: rebinding });
    expect(messageOf(outcome)).toContain('rebound.example leads to a loopback address');
    expect(asked).toEqual(['rebound.example']);
    expect(service.received).toEqual([]);
  });

  test('connects to none but the addresses that passed', async () => {
    const service = await serve((response) => json(response, 1));
    const resolve = async () => await Promise.resolve([{ address: '10.0.0.1', family: 4 }, V4]);
    const url = `http://mixed.example:${service.port}`;
    expect(await call(url, { http: settings('127.0.0.0/8', { resolve }) })).toMatchObject({
      kind: 'result',
    });
    expect(messageOf(await call(url, { http: settings('', { resolve }) }))).toContain(
      'leads to a private address',
    );
    expect(service.received).toHaveLength(1);
  });

  test('lets a listed name lead anywhere, and no other port of it', async () => {
    const service = await serve((response) => json(response, 1));
    const resolve = async () => await Promise.resolve([V4]);
    const url = `http://billing.internal:${service.port}`;
    const listed = settings(`billing.internal:${service.port}`, { resolve });
    expect(await call(url, { http: listed })).toMatchObject({ kind: 'result' });
    const other = settings('billing.internal:1', { resolve });
    expect(await call(url, { http: other })).toMatchObject({ kind: 'failure', isFinal: true });
    expect(service.received[0]?.headers['host']).toBe(`billing.internal:${service.port}`);
  });
});

describe('a request that may have arrived and was not answered is silence', () => {
  test.each<[string, Parameters<typeof startService>[0], string]>([
    [
      'the connection is reset before the answer',
      (_response, _request, socket) => void socket.resetAndDestroy(),
      'the connection broke (',
    ],
    [
      'the connection is closed before the answer',
      (_response, _request, socket) => void socket.destroy(),
      'the connection broke (UND_ERR_SOCKET)',
    ],
    [
      'the connection breaks in the middle of the answer',
      (response, _request, socket) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' });
        response.write('{"a":1');
        setImmediate(() => socket.destroy());
      },
      'the connection broke (UND_ERR_RES_CONTENT_LENGTH_MISMATCH)',
    ],
    [
      'what comes back is no HTTP',
      (_response, _request, socket) => void socket.end('SSH-2.0-x\r\n\r\n'),
      'the connection broke (HTTPParserError)',
    ],
    ['no answer comes', () => {}, 'none came within 300ms'],
    [
      'the answer does not end',
      (response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        response.write('{"a":');
      },
      'none came within 300ms',
    ],
  ])('%s', async (_, answer, says) => {
    const service = await serve(answer);
    const outcome = await call(service.url, {
      executor: { timeout: '300ms' },
      block: { execution: ONCE },
    });
    expect(outcome.kind).toBe('silence');
    expect(messageOf(outcome)).toContain(`got no answer from ${service.url}/: ${says}`);
    expect(service.received).toHaveLength(1);
  });

  test('and the shorter of both timeouts holds', async () => {
    const service = await serve(() => {});
    const execution = { ...ONCE, timeout: '200ms' };
    const outcome = await call(service.url, {
      executor: { timeout: '1h' },
      block: { execution },
    });
    expect(messageOf(outcome)).toContain('none came within 200ms');
  });
});

test('a cancellation does not wait for a connection, and says that the service was not called', async () => {
  const controller = new AbortController();
  const asked: string[] = [];
  const http = settings('', {
    resolve: async (hostname) => {
      asked.push(hostname);
      return await new Promise<never>(() => {});
    },
  });
  const calling = call('http://slow.example', { http, cancelled: controller.signal });
  await until('the look-up', () => asked.length === 1);
  controller.abort(new Error('the run was cancelled'));
  expect(await calling).toEqual({ kind: 'uncalled' });
});

test('a cancellation ends the request at once', async () => {
  const ended: string[] = [];
  const service = await serve((_response, _request, socket) => {
    socket.on('close', () => ended.push('closed'));
  });
  const controller = new AbortController();
  const calling = call(service.url, { cancelled: controller.signal });
  await until('the request', () => service.received.length === 1);
  controller.abort(new Error('the run was cancelled'));
  await expect(calling).rejects.toThrow(CancelledFailure);
  await until('the connection to be closed', () => ended.length === 1);
});
