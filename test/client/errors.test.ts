import { describe, expect, test } from 'vitest';
import { ApiError, createClient } from '../../src/client/index.js';
import { scriptedServer, type ScriptedAnswer } from './scripted-server.js';

async function failWith(answer: ScriptedAnswer): Promise<ApiError> {
  const { url } = await scriptedServer(answer);
  const failed = createClient({ url, token: 'cs_t' })
    .me()
    .then(
      () => null,
      (error: unknown) => error,
    );
  const error = await failed;
  if (!(error instanceof ApiError)) {
    throw new TypeError(`expected an ApiError, got ${String(error)}`);
  }
  return error;
}

describe('ApiError', () => {
  test('has the code, the message, the details and the request id of a domain error', async () => {
    const error = await failWith({
      status: 409,
      headers: { 'x-request-id': 'req-1' },
      body: {
        detail: {
          code: 'parent_conflict',
          message: 'This content is there already.',
          details: { version_id: 'rvr_1' },
        },
      },
    });
    expect(error).toMatchObject({
      name: 'ApiError',
      status: 409,
      code: 'parent_conflict',
      message: 'This content is there already.',
      details: { version_id: 'rvr_1' },
      problems: [],
      requestId: 'req-1',
    });
  });

  test('of a request that breaks its schema lists every problem with its path', async () => {
    const error = await failWith({
      status: 422,
      body: {
        detail: [
          { loc: ['body', 'blocks', 0, 'id'], msg: 'This is required: send it.', type: 'missing' },
          { loc: ['query', 'limit'], msg: 'Expected at least 1.', type: 'greater_than_equal' },
        ],
      },
    });
    expect(error.code).toBe('invalid');
    expect(error.problems).toEqual([
      { path: 'body.blocks.0.id', message: 'This is required: send it.', type: 'missing' },
      { path: 'query.limit', message: 'Expected at least 1.', type: 'greater_than_equal' },
    ]);
    expect(error.message).toBe(
      'The request has 2 problems; the first is body.blocks.0.id: This is required: send it.',
    );
  });

  test('with a single problem says it in its message', async () => {
    const detail = [{ loc: ['body', 'reason'], msg: 'Expected some words.', type: 'value_error' }];
    const error = await failWith({ status: 422, body: { detail } });
    expect(error.message).toBe('The request is not valid: body.reason: Expected some words.');
  });

  test('takes a detail that is one sentence', async () => {
    const error = await failWith({ status: 404, body: { detail: 'No such overlay.' } });
    expect(error).toMatchObject({ status: 404, code: 'http_404', message: 'No such overlay.' });
  });

  test.each<[string, ScriptedAnswer]>([
    ['a page of a proxy', { status: 502, body: '<html>Bad Gateway</html>' }],
    ['JSON of something else', { status: 404, body: { error: 'nope' } }],
    ['a list', { status: 400, body: [1] }],
    ['nothing', { status: 401, body: '' }],
    ['a detail without a message', { status: 400, body: { detail: { code: 'x' } } }],
  ])('still says the status where the answer is %s', async (_what, answer) => {
    const error = await failWith(answer);
    expect(error.status).toBe(answer.status);
    expect(error.code).toBe(`http_${answer.status}`);
    expect(error.message).toContain(`HTTP ${answer.status}`);
    expect(error.message).toContain('check the URL');
  });

  test.each([[[]], [[null]], [[{ loc: 'body' }]]])(
    'survives a list of problems that is malformed: %j',
    async (detail) => {
      const error = await failWith({ status: 422, body: { detail } });
      expect(error.code).toBe('invalid');
      expect(error.message).not.toBe('');
    },
  );
});
