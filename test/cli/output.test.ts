import { describe, expect, test } from 'vitest';
import { ApiError, ConnectionError } from '../../src/client/index.js';
import { CommandError } from '../../src/cli/commands/command-error.js';
import { describeError } from '../../src/cli/output/errors.js';
import { printable, printableJson, printableLines, say } from '../../src/cli/output/printable.js';
import { styleFor } from '../../src/cli/output/style.js';
import { fields, table } from '../../src/cli/output/table.js';
import { showDue, showTime } from '../../src/cli/output/time.js';

const PLAIN = styleFor({ isTTY: false }, {});
const COLOURED = styleFor({ isTTY: true }, {});

describe('printable', () => {
  test.each([
    ['words of any script as they are', 'Zoë 名前 👩‍👩‍👧', 'Zoë 名前 👩‍👩‍👧'],
    ['escape sequences', '\u001b[2J\u001b[31mred', '\\u001b[2J\\u001b[31mred'],
    ['what moves the cursor', 'a\rb\nc\td', 'a\\u000db\\u000ac\\u0009d'],
    ['the other control characters', '\u009b31m\u007f', '\\u009b31m\\u007f'],
    ['what turns the direction', 'approve \u202eoh\u2066', 'approve \\u202eoh\\u2066'],
  ])('shows %s', (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
  });

  test('keeps the lines of a text that has several', () => {
    expect(printableLines('a\nb\u001b\n')).toBe('a\nb\\u001b\n');
  });

  test('leaves JSON the same value', () => {
    const value = { a: '\u001b\u009b\u202e\n', '\u007f': ['é'] };
    const shown = printableJson(value);
    expect(shown).not.toMatch(/(?!\n)[\p{Cc}\p{Bidi_Control}]/u);
    expect(JSON.parse(shown)).toEqual(value);
  });

  test('holds for what a sentence quotes', () => {
    expect(say`Run ${'a\u001b'} has ${2} steps.`).toBe('Run a\\u001b has 2 steps.');
  });
});

describe('styleFor', () => {
  const red = (stream: { isTTY?: boolean }, env: Record<string, string>): string =>
    styleFor(stream, env).red('x');

  test('colours a terminal', () => {
    expect(red({ isTTY: true }, {})).toBe('\u001b[31mx\u001b[39m');
  });

  test.each<[string, { isTTY?: boolean }, Record<string, string>]>([
    ['a pipe', {}, {}],
    ['a pipe where colours are asked for', {}, { FORCE_COLOR: '1' }],
    ['a terminal with NO_COLOR', { isTTY: true }, { NO_COLOR: '1' }],
    ['a terminal without colours', { isTTY: true }, { TERM: 'dumb' }],
  ])('leaves %s plain', (_what, stream, env) => {
    expect(red(stream, env)).toBe('x');
  });

  test('takes an empty NO_COLOR as not set', () => {
    expect(red({ isTTY: true }, { NO_COLOR: '' })).not.toBe('x');
  });
});

describe('table', () => {
  test('lines things up, whatever their width', () => {
    const rows = [
      ['u_ann', '名前'],
      ['u_b', null],
    ];
    expect(table(PLAIN, ['USER', 'NAME'], rows, 'nobody')).toBe(
      ['USER   NAME', 'u_ann  名前', 'u_b'].join('\n'),
    );
  });

  test('says that there is nothing', () => {
    expect(table(PLAIN, ['USER'], [], 'Nobody is here.')).toBe('Nobody is here.');
  });

  test('cuts long prose, and no id', () => {
    const id = `run_${'x'.repeat(96)}`;
    const [, shown = ''] = table(PLAIN, ['A', 'B'], [[id, 'so '.repeat(40)]], '').split('\n');
    expect(shown).toContain(id);
    expect(shown).toMatch(/so so…$/);
  });

  test('lets no cell bring escapes of its own, painted ones included', () => {
    const cell = { text: 'a\u001b[2J', paint: COLOURED.red };
    const shown = table(COLOURED, ['A', 'B'], [[cell, '\u001b[2J']], '');
    expect(shown).toContain('\\u001b[2J');
    expect(shown).not.toContain('\u001b[2J');
  });
});

describe('fields', () => {
  test('leaves out what is empty', () => {
    const pairs = [
      ['run', 'run_1'],
      ['owner', null],
      ['command id', ''],
      ['status', 'pending'],
    ] as const;
    expect(fields(PLAIN, pairs)).toBe('run     run_1\nstatus  pending');
  });
});

describe('showTime', () => {
  test.each([
    ['2026-05-13T08:14:02.341Z', '2026-05-13 08:14:02Z'],
    [null, ''],
  ])('shows %j as %j', (at, shown) => {
    expect(showTime(at)).toBe(shown);
  });
});

describe('showDue', () => {
  const NOW = Date.parse('2026-05-13T08:00:00.000Z');
  test.each([
    ['2026-05-15T09:00:00.000Z', 'due in 2 d'],
    ['2026-05-13T11:59:59.000Z', 'due in 3 h'],
    ['2026-05-13T08:01:00.000Z', 'due in 1 min'],
    ['2026-05-13T08:00:00.400Z', 'due in 1 s'],
    ['2026-05-13T08:00:00.000Z', 'overdue since 2026-05-13 08:00:00Z'],
    ['2026-05-12T07:00:00.341Z', 'overdue since 2026-05-12 07:00:00Z'],
  ])('says of %s: %s', (at, words) => {
    expect(showDue(at, NOW)).toBe(words);
  });
});

describe('describeError', () => {
  const access = { url: 'http://127.0.0.1:8080', tokenSource: 'COUNTERSIGN_TOKEN' };
  const apiError = (facts: Partial<ConstructorParameters<typeof ApiError>[0]>): ApiError =>
    new ApiError({ status: 409, code: 'x', message: 'It is so: do this.', ...facts });

  test('gives the sentence of the API, and its code for programs', () => {
    const error = apiError({ details: { n: 1 }, requestId: 'req-1' });
    expect(describeError(error, access)).toEqual({
      lines: ['It is so: do this.'],
      document: {
        code: 'x',
        message: 'It is so: do this.',
        status: 409,
        details: { n: 1 },
        problems: [],
        request_id: 'req-1',
      },
    });
  });

  test('lists problems one a line with their paths', () => {
    const problems = [
      { path: 'body.blocks.0.id', message: 'This is required: send it.', type: 'missing' },
      { path: '', message: 'Something is odd.\nReally', type: 'value_error' },
    ];
    const { lines } = describeError(apiError({ status: 422, problems }), access);
    expect(lines).toEqual([
      'The request is not valid; change these and try again:',
      '  body.blocks.0.id: This is required: send it.',
      '  Something is odd.\\u000aReally',
    ]);
  });

  test('says where a token came from that the server does not know', () => {
    const { lines } = describeError(apiError({ status: 401 }), access);
    expect(lines.at(-1)).toBe(
      'The token came from COUNTERSIGN_TOKEN, and the server is http://127.0.0.1:8080.',
    );
  });

  test('gives the request id of a fault of the server', () => {
    const { lines } = describeError(apiError({ status: 500, requestId: 'req-1' }), access);
    expect(lines.at(-1)).toContain('req-1');
  });

  test('names the setting for another server where none answers', () => {
    const { lines, document } = describeError(
      new ConnectionError('http://x', 'No answer.'),
      access,
    );
    expect(lines).toEqual(['No answer.', 'Set COUNTERSIGN_URL to ask another server.']);
    expect(document).toEqual({ code: 'no_connection', message: 'No answer.' });
  });

  test('gives the sentence of a command that could not begin', () => {
    const { lines, document } = describeError(new CommandError('No token: set one.'), null);
    expect(lines).toEqual(['No token: set one.']);
    expect(document.code).toBe('not_possible');
  });

  test('is loud about a bug', () => {
    const { lines, document } = describeError(new RangeError('oops'), access);
    expect(lines.join('\n')).toMatch(/should not have happened: RangeError: oops\n\s+at /);
    expect(document.code).toBe('unexpected');
  });
});
