import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest';
import { Webhook } from 'standardwebhooks';
import { diagnose } from '../../src/delivery/doctor.js';
import type { Block } from '../../src/domain/definition.js';
import { cancelRun } from '../../src/store/cancel-run.js';
import { stepIdOf } from '../../src/domain/step-ids.js';
import type { RunRow } from '../../src/store/tables.js';
import {
  block,
  gate,
  type Installation,
  passing,
  reviewer,
  startInstallation,
} from '../support/installation.js';
import { Operator } from '../support/operator.js';
import { until } from '../support/until.js';
import { type Service, startService } from './http-service.js';

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const CANARY = 'CANARY';

describe('a run with an http block', () => {
  let on: Installation;
  let op: Operator;

  beforeAll(async () => {
    on = await startInstallation(
      {},
      {
        TEMPORAL_ADDRESS: inject('temporalAddress'),
        COUNTERSIGN_HTTP_ALLOW: '127.0.0.1',
        COUNTERSIGN_SECRET_BILLING: SECRET,
      },
    );
    op = new Operator(on.temporal.connection);
  });
  afterAll(() => on.stop());

  async function serve(answer: Parameters<typeof startService>[0]): Promise<Service> {
    const service = await startService(answer);
    onTestFinished(() => service.close());
    return service;
  }

  function http(service: Service, about: Partial<Block> = {}): Block {
    return block('pay', {
      executor: { kind: 'http', url: `${service.url}/pay`, secret_name: 'billing' },
      ...about,
    });
  }

  const once = {
    execution: { repeatable: false, attempts: 1, timeout: '20s' },
    review: gate({ placement: 'input', corrections: 'none' }),
  };

  async function approved(service: Service, about: Partial<Block>): Promise<RunRow> {
    const run = await on.run([http(service, about)], { pay: { amount: 7 } });
    await on.vote(await on.reviewOf(run, 'pay'), reviewer('u1'));
    return run;
  }

  /** Waits until Temporal leaves the block alone before another attempt, and gives until when. */
  async function leftAlone(run: RunRow): Promise<number> {
    return await until('the next attempt to be scheduled', async () => {
      const { raw } = await op.client.workflow.getHandle(run.id).describe();
      const [activity] = raw.pendingActivities ?? [];
      const seconds = activity?.nextAttemptScheduleTime?.seconds;
      return seconds === null || seconds === undefined ? null : Number(seconds);
    });
  }

  test('asks again with the same id and body until it is answered, and reviews the output', async () => {
    let asked = 0;
    const service = await serve((response) => {
      asked += 1;
      response.writeHead(asked < 3 ? 503 : 200, { 'content-type': 'application/json' });
      response.end(
        asked < 3 ? CANARY : '{"output":{"total":7,"note":"é"},"source":"https://x.example"}',
      );
    });
    const run = await on.run([http(service, { review: gate() }), passing('book', 'pay')], {
      pay: { amount: 7 },
    });
    await on.vote(await on.reviewOf(run, 'pay'), reviewer('u1'));
    expect(await on.ended(run)).toMatchObject({ status: 'completed' });
    expect(await on.step(run, 'pay')).toMatchObject({
      attempt: 3,
      failures: 2,
      source: 'https://x.example',
    });
    expect(await on.step(run, 'book')).toMatchObject({ output: '{"note":"é","total":7}' });
    const stepId = stepIdOf(run.id, 'pay');
    expect(service.received.map(({ headers }) => headers['idempotency-key'])).toEqual([
      stepId,
      stepId,
      stepId,
    ]);
    expect(new Set(service.received.map(({ body }) => body)).size).toBe(1);
    expect(service.received.map(({ headers }) => headers['countersign-attempt'])).toEqual([
      '1',
      '2',
      '3',
    ]);
    for (const { body, headers } of service.received) {
      new Webhook(SECRET).verify(body, headers);
    }
    const histories = await Promise.all(
      [run.id, (await on.step(run, 'pay')).holder ?? ''].map((id) => op.history(id)),
    );
    const text = JSON.stringify(histories);
    for (const secret of [CANARY, 'amount', service.url, SECRET]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 6));
    }
  });

  test('ends at the first refusal, however many attempts are left', async () => {
    const service = await serve((response) => void response.writeHead(422).end('no such account'));
    const run = await on.run([http(service)], { pay: { amount: 7 } });
    const message = `Block 'pay' was refused by ${service.url}/pay with 422 (no such account), and would be again: correct the input, the URL or the service, and start a new run.`;
    expect(await on.ended(run)).toMatchObject({ status: 'error', errorMessage: message });
    expect(await on.step(run, 'pay')).toMatchObject({ failures: 1, errorMessage: message });
    expect(service.received).toHaveLength(1);
  });

  test('ends when its attempts are used up', async () => {
    const service = await serve((response) => void response.writeHead(500).end());
    const execution = { repeatable: true, attempts: 2, timeout: '20s' };
    const run = await on.run([http(service, { execution })], {});
    expect(await on.ended(run)).toMatchObject({ status: 'error' });
    expect(service.received).toHaveLength(2);
  });

  test('leaves a service alone for as long as that asks, and can be cancelled meanwhile', async () => {
    const service = await serve(
      (response) => void response.writeHead(429, { 'retry-after': '1800' }).end(),
    );
    const before = Date.now();
    const run = await on.run([http(service)], {});
    expect(await leftAlone(run)).toBeGreaterThan(before / 1_000 + 1_700);
    await cancelRun(on.database.db, reviewer('u1'), run.id, { reason: 'x', dialect: 'native' }, 0);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    expect(service.received).toHaveLength(1);
  });

  test('that must not be repeated and gets no answer ends as UNKNOWN, and everybody is told what to do', async () => {
    const service = await serve((_response, _request, socket) => void socket.destroy());
    const run = await approved(service, once);
    const stepId = stepIdOf(run.id, 'pay');
    const message = `Block 'pay' got no answer from ${service.url}/pay: the connection broke (UND_ERR_SOCKET), look for the reason in its log. Whether it did its work cannot be known, and it must not be repeated: look for its idempotency key ${stepId} where it writes, then settle the step (countersign step settle) and retry the run.`;
    expect(await on.ended(run)).toMatchObject({ status: 'error', errorMessage: message });
    expect(await on.step(run, 'pay')).toMatchObject({
      outcomeUnknown: true,
      errorMessage: message,
    });
    expect(await on.reviewOf(run, 'pay')).toMatchObject({ status: 'UNKNOWN' });
    expect(service.received).toHaveLength(1);
    const found = await diagnose(on.database.db, on.temporal, 0);
    expect(found.filter(({ runId }) => runId === run.id)).toEqual([
      {
        code: 'OUTCOME_UNKNOWN',
        runId: run.id,
        reviewId: null,
        message: `The outcome of step ${stepId} is unknown. ${message}`,
        remedy: null,
      },
    ]);
  });

  test.each<[string, Parameters<typeof startService>[0], string]>([
    ['is refused', (response) => void response.writeHead(503).end(), 'was refused by'],
    ['is answered with nothing', (response) => void response.writeHead(204).end(), '204 without'],
  ])(
    'that must not be repeated and %s has failed, and nothing about it is unknown',
    async (_, answer, says) => {
      const service = await serve(answer);
      const run = await approved(service, once);
      const ended = await on.ended(run);
      expect(ended.status).toBe('error');
      expect(ended.errorMessage).toContain(says);
      expect(await on.step(run, 'pay')).toMatchObject({
        outcomeUnknown: false,
        hasRun: true,
        failures: 1,
      });
      expect(await on.reviewOf(run, 'pay')).toMatchObject({ status: 'EXECUTED' });
      expect(service.received).toHaveLength(1);
    },
  );

  test('that must not be repeated and never reaches anybody has failed, and nothing about it is unknown', async () => {
    const service = await startService(() => {});
    await service.close();
    const run = await approved(service, once);
    const ended = await on.ended(run);
    expect(ended.errorMessage).toContain('nobody listens there');
    expect(ended.status).toBe('error');
    expect(await on.step(run, 'pay')).toMatchObject({
      outcomeUnknown: false,
      hasRun: false,
      failures: 1,
    });
    expect(await on.reviewOf(run, 'pay')).toMatchObject({ status: 'PROCESSING' });
  });

  test('that is cancelled breaks the request off', async () => {
    const closed: string[] = [];
    const service = await serve((_response, _request, socket) => {
      socket.on('close', () => closed.push('closed'));
    });
    const run = await on.run([http(service)], {});
    await until('the request', () => service.received.length === 1);
    await cancelRun(on.database.db, reviewer('u1'), run.id, { reason: 'x', dialect: 'native' }, 0);
    expect(await on.ended(run)).toMatchObject({ status: 'cancelled' });
    await until('the connection to be closed', () => closed.length === 1);
  });

  test('cannot reach what nobody has allowed', async () => {
    const service = await serve((response) => void response.writeHead(200).end('{}'));
    const url = `http://[::ffff:127.0.0.1]:${service.port}/`;
    const run = await on.run([block('pay', { executor: { kind: 'http', url } })]);
    expect((await on.ended(run)).errorMessage).toContain('COUNTERSIGN_HTTP_ALLOW');
    expect(await on.step(run, 'pay')).toMatchObject({ failures: 1 });
    expect(service.received).toEqual([]);
  });
});
