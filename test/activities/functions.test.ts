import { CancelledFailure } from '@temporalio/activity';
import { describe, expect, test, vi } from 'vitest';
import { executeBlock, missingFor } from '../../src/activities/execute-block.js';
import type { Execution } from '../../src/activities/execution.js';
import { PLAIN_HTTP } from '../../src/activities/http-executor.js';
import type { BlockContext, BlockFunction } from '../../src/blocks.js';
import type { Block, Executor } from '../../src/domain/definition.js';
import type { Json } from '../../src/domain/json.js';
import { MAX_SNAPSHOT_BYTES } from '../../src/rules/canonical.js';
import { block } from '../support/installation.js';

/** Plain JavaScript answers whatever it likes. */
function assertAnswer(_answered: unknown): asserts _answered is Json {}

/** Runs a function as a block; what it answers need not be what TypeScript would let it answer. */
async function run(
  answer: (context: BlockContext) => unknown,
  about: Partial<Block> = {},
  cancelled = new AbortController().signal,
): Promise<Execution> {
  const act: BlockFunction = async (_, context) => {
    const answered: unknown = await answer(context);
    assertAnswer(answered);
    return answered;
  };
  return await executeBlock(
    block('act', { executor: { kind: 'function', name: 'act' }, ...about }),
    { input: null, blocks: {} },
    { functions: { act }, http: PLAIN_HTTP },
    { stepId: 'run_1_act', runId: 'run_1', attempt: 1, cancelled, heartbeat: () => {} },
  );
}

const thrown: readonly (readonly [string, unknown, string])[] = [
  ['an error', new Error('no such table'), 'no such table'],
  ['an error without a message', new Error(''), 'It failed without a message.'],
  ['a text', 'no such table', 'no such table'],
  ['nothing', undefined, 'It failed without a message.'],
  ['null', null, 'null'],
  ['a number', 42, '42'],
  ['a bigint', 42n, '42n'],
  ['a symbol', Symbol('gone'), 'Symbol(gone)'],
  ['an object', { code: 5, at: [1] }, '{ code: 5, at: [ 1 ] }'],
  ['an object without a prototype', Object.create(null), '[Object: null prototype] {}'],
  [
    'an object whose text throws',
    {
      toString: (): string => {
        throw new Error('inner');
      },
    },
    '{ toString: [Function: toString] }',
  ],
  [
    'an error whose message throws',
    Object.defineProperty(new Error('x'), 'message', {
      get: (): string => {
        throw new Error('inner');
      },
    }),
    'It failed with an error that cannot be read.',
  ],
  [
    'an error whose message is none',
    Object.assign(new Error('x'), { message: { code: 5 } }),
    '{ code: 5 }',
  ],
  ['an error with a NUL and an escape', new Error('a\0b\x1b[2J'), 'a b [2J'],
  ['an error with a lone surrogate', new Error('a\ud800b'), 'a b'],
  ['an error of a megabyte', new Error('x'.repeat(1_000_000)), `${'x'.repeat(4_000)}…`],
  ['an aborted signal’s reason', new DOMException('off', 'AbortError'), 'off'],
];

test.each(thrown)(
  'a function that throws %s has failed with its words',
  async (_, value, words) => {
    const failure = {
      kind: 'failure',
      message: words,
      isFinal: false,
      hasRun: true,
      retryAfterMs: null,
    };
    expect(
      await run(() => {
        throw value;
      }),
    ).toEqual(failure);
    // oxlint-disable-next-line prefer-promise-reject-errors -- that is the case
    expect(await run(async () => await Promise.reject(value))).toEqual(failure);
  },
);

function cyclic(): unknown {
  const value: { self?: unknown } = {};
  value.self = value;
  return value;
}

/** Few objects, and 2^levels values when they are written out. */
function doubled(levels: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) {
    value = [value, value];
  }
  return value;
}

test.each<[string, () => unknown, string]>([
  ['nothing', () => undefined, 'its output is nothing; only what JSON can say is accepted'],
  ['NaN', () => NaN, 'its output is NaN; JSON has finite numbers only'],
  ['infinity inside', () => ({ a: [1, -Infinity] }), 'its output at a.1 is -Infinity'],
  ['undefined inside', () => ({ a: undefined }), 'its output at a is nothing'],
  ['a hole', () => Array.from({ length: 1 }).concat(1), 'its output at 0 is nothing'],
  ['a bigint', () => ({ n: 1n }), 'its output at n is a bigint'],
  ['an integer beyond 2^53', () => ({ n: 2 ** 53 }), 'its output at n is 9007199254740992, beyond'],
  ['a date', () => ({ at: new Date(0) }), 'its output at at is an instance of a class'],
  ['a map', () => new Map(), 'its output is an instance of a class'],
  ['bytes', () => Buffer.from('x'), 'its output is an instance of a class'],
  ['a function', () => () => 1, 'its output is a function'],
  ['a symbol', () => Symbol('x'), 'its output is a symbol'],
  ['its own toJSON', () => ({ toJSON: () => 1 }), 'its output at toJSON is a function'],
  ['a lone surrogate', () => '\ud800', 'its output has a lone surrogate'],
  ['a cycle', cyclic, 'nests deeper than the 100 levels accepted'],
  ['more values than it has objects', () => doubled(60), 'has more than the 5000000 values'],
  [
    'a tree too deep',
    (): unknown => JSON.parse('['.repeat(101) + ']'.repeat(101)),
    'nests deeper than',
  ],
  [
    'a getter that throws',
    () => ({
      get total(): number {
        throw new Error('no total');
      },
    }),
    'no total',
  ],
  ['more than 8 MiB', () => 'x'.repeat(MAX_SNAPSHOT_BYTES - 1), 'takes more than 8388608 bytes'],
  [
    'much more than 8 MiB',
    () => 'x'.repeat(2 * MAX_SNAPSHOT_BYTES),
    'at most 9437184 are accepted',
  ],
  [
    'an output of more than 8 MiB with a source',
    () => ({ output: 'x'.repeat(MAX_SNAPSHOT_BYTES - 1), source: 'x' }),
    'takes more than 8388608 bytes',
  ],
])('a function that answers %s has failed, and is told why', async (_, answer, words) => {
  const execution = await run(answer);
  expect(execution).toMatchObject({ kind: 'failure', isFinal: false });
  expect(execution.kind === 'failure' ? execution.message : '').toContain(words);
});

describe('a function', () => {
  test('may answer exactly 8 MiB, and has room for what belongs to it', async () => {
    const output = 'x'.repeat(MAX_SNAPSHOT_BYTES - 2);
    for (const answer of [output, { output, source: 'https://x.example' }]) {
      expect(await run(() => answer)).toMatchObject({ kind: 'result', result: { output } });
    }
  });

  test('is answered for by what it gave, not by what it makes of it afterwards', async () => {
    const shared: { total: number } = { total: 1 };
    const execution = await run(() => shared);
    shared.total = NaN;
    expect(execution).toMatchObject({ result: { output: { total: 1 } } });
  });

  test('that ignores its signal is silent once its timeout has passed, and heard no more', async () => {
    let answerLate: (value: unknown) => void = () => {};
    let heard: BlockContext | null = null;
    const execution = await run(
      async (context) => {
        heard = context;
        return await new Promise((resolve) => {
          answerLate = resolve;
        });
      },
      { execution: { repeatable: true, attempts: 3, timeout: '50ms' } },
    );
    expect(execution).toEqual({
      kind: 'silence',
      message:
        "Block 'act' did not answer within 50ms: raise execution.timeout, or make it faster.",
    });
    expect(heard).toMatchObject({ signal: { aborted: true } });
    answerLate({ late: true });
  });

  test('that throws after its timeout harms nobody', async () => {
    let failLate: (error: Error) => void = () => {};
    const execution = await run(
      async () =>
        await new Promise((_, reject) => {
          failLate = reject;
        }),
      { execution: { repeatable: true, attempts: 3, timeout: '20ms' } },
    );
    expect(execution.kind).toBe('silence');
    failLate(new Error('late'));
    await new Promise((resolve) => {
      setImmediate(resolve);
    });
  });

  test('that heeds its signal at its timeout is silent all the same', async () => {
    const execution = await run(
      async ({ signal }) =>
        await new Promise((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('I was told to stop')));
        }),
      { execution: { repeatable: true, attempts: 3, timeout: '20ms' } },
    );
    expect(execution.kind).toBe('silence');
  });

  test('that ignores a cancellation is not waited for', async () => {
    const controller = new AbortController();
    const running = run(async () => await new Promise(() => {}), {}, controller.signal);
    controller.abort(new Error('the run was cancelled'));
    await expect(running).rejects.toThrow(CancelledFailure);
  });

  test('that its worker lacks is named by what is waited for, and never begun', async () => {
    const act = vi.fn(() => 1);
    for (const name of ['other', 'constructor', '__proto__']) {
      const about = { executor: { kind: 'function', name } } as const;
      expect(missingFor(block('act', about), { act })).toBe(
        `It waits for a worker that has the function '${name}': start one with --blocks and a module that defines it.`,
      );
      // Its step is not begun without it (see missingFor); were it, nothing else would run in its place.
      expect(await run(act, about)).toMatchObject({
        kind: 'failure',
        message: `function '${name}' is not registered, and its block began`,
      });
    }
    expect(act).not.toHaveBeenCalled();
  });

  test('that its worker has is not waited for, and neither is what is no function', () => {
    const act: BlockFunction = () => 1;
    const executors: readonly Executor[] = [
      { kind: 'function', name: 'act' },
      { kind: 'http', url: 'https://x.example' },
      { kind: 'pass' },
      { kind: 'supplied' },
    ];
    for (const executor of executors) {
      expect(missingFor(block('act', { executor }), { act })).toBeNull();
    }
  });
});
