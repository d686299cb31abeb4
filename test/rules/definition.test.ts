import { fc, test as property } from '@fast-check/vitest';
import { describe, expect, test } from 'vitest';
import type { Block, Definition, Gate } from '../../src/domain/definition.js';
import { parseDefinition } from '../../src/rules/definition.js';
import { NOT_YET_SUPPORTED } from '../../src/rules/not-yet-supported.js';
import { MAX_PROBLEMS, type Problem } from '../../src/rules/problem.js';
import { containing } from './containing.js';

type Fields = { readonly [key: string]: unknown };
type Path = readonly (string | number)[];

/** The smallest valid block, and what a test is about. */
function aBlock(overrides: Fields = {}): Fields {
  return { id: 'a', type: 'task', executor: { kind: 'supplied' }, ...overrides };
}

function aReviewed(review: Fields, overrides: Fields = {}): Fields {
  return { blocks: [aBlock({ review, ...overrides })] };
}

function accepted(body: unknown): {
  readonly definition: Definition;
  readonly warnings: readonly Problem[];
} {
  const result = parseDefinition('wf_invoices', body);
  if ('problems' in result) {
    throw new Error(JSON.stringify(result.problems));
  }
  return result;
}

function block(overrides: Fields = {}): Block {
  return accepted({ blocks: [aBlock(overrides)] }).definition.blocks[0] ?? fail();
}

function gate(review: Fields, overrides: Fields = {}): Gate {
  return block({ review, ...overrides }).review ?? fail();
}

function fail(): never {
  throw new Error('nothing was there');
}

function problems(body: unknown, workflowId = 'wf_invoices'): readonly Problem[] {
  const result = parseDefinition(workflowId, body);
  return 'problems' in result ? result.problems : [];
}

const whole = {
  name: 'Invoices',
  metadata: { team: 'finance', order: null },
  blocks: [
    {
      id: 'extract_invoice',
      type: 'extract',
      label: 'Extract',
      executor: { kind: 'function', name: 'extract' },
      json_schema: {
        type: 'object',
        required: ['total'],
        properties: { total: { type: 'number' } },
      },
      n_consensus: 3,
      execution: { repeatable: true, attempts: 5, timeout: '10m' },
      review: {
        name: 'Invoice totals',
        instructions: 'Compare with the PDF',
        link: 'https://example.com/runbook',
        when: 'output.total > 10000',
        groups: ['finance', { group: 'legal', required: 2 }],
        reviewers: [
          { id: 'u_legal_01', mandatory: true },
          { id: 'u_fyi', mandatory: false },
        ],
        self_approval: 'never',
        one_person_one_entry: true,
        corrections: 'none',
        correction_author_may_approve: false,
        release: { after: '30s' },
        on_reject: 'cancel_run',
        force_approval_groups: ['sre-oncall'],
        acknowledge_superseded: true,
      },
    },
    {
      id: 'pay',
      type: 'task',
      executor: { kind: 'function', name: 'pay' },
      config: {
        review: {
          placement: 'input',
          release: 'manual',
          groups: ['finance', 'cfo'],
          min_approvals: 1,
        },
      },
    },
    {
      id: 'sort',
      type: 'classifier',
      needs: [],
      categories: ['a', 'b'],
      executor: { kind: 'pass' },
    },
    { id: 'cut', type: 'split', allow_overlap: true, executor: { kind: 'supplied' } },
  ],
};

describe('parseDefinition', () => {
  test('fills in every default', () => {
    expect(accepted({ blocks: [aBlock()] })).toEqual({
      definition: {
        workflow_id: 'wf_invoices',
        name: null,
        metadata: null,
        blocks: [
          {
            id: 'a',
            type: 'task',
            label: null,
            needs: [],
            executor: { kind: 'supplied' },
            review: null,
            json_schema: null,
            categories: null,
            n_consensus: 1,
            allow_overlap: false,
            map_method: null,
            key: null,
            body: null,
            execution: { repeatable: true, attempts: 3, timeout: '5m' },
          },
        ],
      },
      warnings: [],
    });
  });

  test('fills in every default of a gate', () => {
    expect(gate({})).toEqual({
      name: null,
      instructions: null,
      link: null,
      predicate: { kind: 'always' },
      placement: 'output',
      groups: [],
      reviewers: [],
      min_approvals: null,
      self_approval: 'admins',
      one_person_one_entry: false,
      corrections: 'entries',
      correction_author_may_approve: true,
      release: 'auto',
      on_reject: 'cancel_run',
      force_approval_groups: [],
      acknowledge_superseded: false,
    });
    expect(gate({ placement: 'input' }).corrections).toBe('none');
  });

  test('takes everything that an author may say', () => {
    const { definition, warnings } = accepted(whole);
    expect(warnings).toEqual([]);
    expect(definition.blocks.map(({ id, needs }) => [id, needs])).toEqual([
      ['extract_invoice', []],
      ['pay', ['extract_invoice']],
      ['sort', []],
      ['cut', ['sort']],
    ]);
    expect(definition.blocks[0]?.review).toMatchObject({
      predicate: { kind: 'expression', expression: 'output.total > 10000' },
      groups: [
        { group: 'finance', required: 1 },
        { group: 'legal', required: 2 },
      ],
      release: { after: '30s' },
    });
    expect(definition.blocks[1]).toMatchObject({
      review: { placement: 'input', release: 'manual', min_approvals: 1 },
      execution: { repeatable: false, attempts: 1, timeout: '5m' },
    });
  });

  test('gives the same again for what it gave', () => {
    const { definition } = accepted(whole);
    const { workflow_id: id, ...body } = definition;
    expect(parseDefinition(id, body)).toEqual({ definition, warnings: [] });
  });

  test('takes null for nothing everywhere', () => {
    const nulls = (keys: string): Fields =>
      Object.fromEntries(keys.split(' ').map((key) => [key, null]));
    const review = nulls(
      'name instructions link predicate when placement groups reviewers min_approvals self_approval one_person_one_entry corrections correction_author_may_approve release on_reject force_approval_groups acknowledge_superseded remind_every due_in on_due escalate',
    );
    expect(gate(review)).toEqual(gate({}));
    const empty = nulls(
      'label needs review config json_schema categories n_consensus map_method key allow_overlap body execution',
    );
    expect(block(empty)).toEqual(block());
    expect(accepted({ blocks: [aBlock()], name: null, metadata: null })).toEqual(
      accepted({ blocks: [aBlock()] }),
    );
  });
});

describe('any body', () => {
  /** The valid body with what lies at one of its places replaced. */
  function replaced(value: unknown, path: readonly string[], by: unknown): unknown {
    const [key, ...rest] = path;
    if (key === undefined || typeof value !== 'object' || value === null) {
      return by;
    }
    const at = (place: string, child: unknown): unknown =>
      place === key ? replaced(child, rest, by) : child;
    return Array.isArray(value)
      ? value.map((child: unknown, index) => at(String(index), child))
      : Object.fromEntries(
          Object.entries(value).map(([place, child]) => [place, at(place, child)]),
        );
  }

  function placesOf(value: unknown): readonly (readonly string[])[] {
    return typeof value === 'object' && value !== null
      ? [
          [],
          ...Object.entries(value).flatMap(([key, child]) =>
            placesOf(child).map((path) => [key, ...path]),
          ),
        ]
      : [[]];
  }

  property.prop([fc.constantFrom(...placesOf(whole)), fc.jsonValue({ maxDepth: 3 })], {
    numRuns: 300,
  })(
    'is either refused with paths and sentences, or stored as what parses to itself',
    (path, by) => {
      const body = replaced(whole, path, by);
      const result = parseDefinition('wf_invoices', body);
      if ('problems' in result) {
        expect(result.problems.length).toBeGreaterThan(0);
        for (const problem of result.problems) {
          expect(problem.path[0]).toBe('body');
          expect(problem.message.length).toBeGreaterThan(10);
        }
        return;
      }
      const { workflow_id: id, ...stored } = result.definition;
      expect(parseDefinition(id, stored)).toMatchObject({ definition: result.definition });
    },
  );
});

describe('order', () => {
  test('each block needs the one before, unless it says otherwise', () => {
    const blocks = [
      aBlock({ id: 'a' }),
      aBlock({ id: 'b' }),
      aBlock({ id: 'c', needs: [] }),
      aBlock({ id: 'd', needs: ['a', 'c'] }),
    ];
    expect(accepted({ blocks }).definition.blocks.map(({ needs }) => needs)).toEqual([
      [],
      ['a'],
      [],
      ['a', 'c'],
    ]);
  });

  test('needs come first, and else blocks stay as they were declared', () => {
    const blocks = [
      aBlock({ id: 'late', needs: ['z', 'm'] }),
      aBlock({ id: 'z', needs: [] }),
      aBlock({ id: 'a', needs: ['z'] }),
      aBlock({ id: 'm', needs: [] }),
    ];
    expect(accepted({ blocks }).definition.blocks.map(({ id }) => id)).toEqual([
      'z',
      'a',
      'm',
      'late',
    ]);
  });

  test.each<[string, readonly Fields[], Path, string]>([
    [
      'unknown',
      [aBlock({ needs: ['b'] })],
      [0, 'needs', 0],
      'expected the id of a block of this workflow, got "b"',
    ],
    [
      'repeated',
      [aBlock(), aBlock({ id: 'b', needs: ['a', 'a'] })],
      [1, 'needs', 1],
      '"a" is needed already',
    ],
    [
      'its own',
      [aBlock({ needs: ['a'] })],
      [0, 'needs'],
      'blocks need each other in a circle: "a" needs "a"',
    ],
    [
      'in a circle',
      [
        aBlock({ id: 'x', needs: ['y'] }),
        aBlock({ id: 'y', needs: ['z'] }),
        aBlock({ id: 'z', needs: ['y'] }),
      ],
      [1, 'needs'],
      'blocks need each other in a circle: "y" needs "z" needs "y"',
    ],
  ])('needs may not be %s', (_, blocks, path, message) => {
    expect(problems({ blocks })).toEqual([{ path: ['body', 'blocks', ...path], message }]);
  });
});

describe('ids', () => {
  test.each(['a', 'A', '0', 'a.b-c_d', 'x'.repeat(64)])('accepts %j', (id) => {
    expect(problems({ blocks: [aBlock({ id })] }, id)).toEqual([]);
  });

  test.each(['', '_a', '.a', '-a', 'a b', 'a/b', 'é', 'x'.repeat(65), 'a\n'])(
    'refuses %j',
    (id) => {
      expect(problems({ blocks: [aBlock({ id })] }).map(({ path }) => path)).toEqual([
        ['body', 'blocks', 0, 'id'],
      ]);
      expect(problems({ blocks: [aBlock()] }, id)).toEqual([
        {
          path: ['path', 'workflow_id'],
          message: containing('expected 1 to 64 letters'),
        },
      ]);
    },
  );

  test.each(['runs', 'reviews', 'steps'])('refuses a workflow named %s, which is a route', (id) => {
    expect(problems({ blocks: [aBlock()] }, id)).toEqual([
      {
        path: ['path', 'workflow_id'],
        message: `"${id}" is a route of the API; choose another id`,
      },
    ]);
    expect(problems({ blocks: [aBlock({ id })] })).toEqual([]);
  });

  test('refuses two blocks of one id', () => {
    expect(problems({ blocks: [aBlock(), aBlock()] })).toEqual([
      { path: ['body', 'blocks', 1, 'id'], message: '"a" is the id of a block already' },
    ]);
  });
});

describe('shapes', () => {
  test.each<[unknown, Path, string]>([
    [null, [], 'expected an object, got null'],
    [[], [], 'expected an object, got a list of 0 items'],
    [{}, ['blocks'], 'expected a list, got nothing'],
    [{ blocks: [] }, ['blocks'], 'expected at least 1 item, got a list of 0 items'],
    [
      { blocks: Array.from({ length: 101 }, (_, index) => aBlock({ id: `b${index}` })) },
      ['blocks'],
      'expected at most 100 items',
    ],
    [
      { blocks: [aBlock()], nmae: 'x' },
      ['nmae'],
      'unknown key; accepted: "blocks", "name" or "metadata"',
    ],
    [{ blocks: [aBlock()], name: ' ' }, ['name'], 'expected more than white space, got " "'],
    [
      { blocks: [aBlock()], metadata: [] },
      ['metadata'],
      'expected an object, got a list of 0 items',
    ],
    [{ blocks: [aBlock()], metadata: { n: 2 ** 60 } }, ['metadata', 'n'], 'beyond ±(2^53−1)'],
    [
      { blocks: [aBlock()], metadata: { n: 'a'.repeat(1024 * 1024) } },
      [],
      'at most 1048576 are accepted',
    ],
    [{ blocks: ['a'] }, ['blocks', 0], 'expected an object, got "a"'],
    [
      { blocks: [aBlock({ type: 'extrat' })] },
      ['blocks', 0, 'type'],
      'expected "extract", "classifier", "split", "for_each" or "task", got "extrat"',
    ],
    [
      { blocks: [aBlock({ retries: 3 })] },
      ['blocks', 0, 'retries'],
      'unknown key; accepted: "id", "type"',
    ],
    [
      { blocks: [aBlock({ label: '' })] },
      ['blocks', 0, 'label'],
      'expected more than white space, got ""',
    ],
    [
      { blocks: [{ id: 'a', type: 'task' }] },
      ['blocks', 0, 'executor'],
      'expected an object, got nothing',
    ],
    [
      { blocks: [aBlock({ executor: { kind: 'lambda' } })] },
      ['blocks', 0, 'executor', 'kind'],
      'expected "supplied", "pass", "http" or "function", got "lambda"',
    ],
    [
      { blocks: [aBlock({ executor: { kind: 'function' } })] },
      ['blocks', 0, 'executor', 'name'],
      'expected a string, got nothing',
    ],
    [
      { blocks: [aBlock({ executor: { kind: 'pass', url: 'x' } })] },
      ['blocks', 0, 'executor', 'url'],
      'unknown key',
    ],
    [{ blocks: [aBlock({ needs: 'b' })] }, ['blocks', 0, 'needs'], 'expected a list, got "b"'],
    [
      { blocks: [aBlock({ n_consensus: 0 })] },
      ['blocks', 0, 'n_consensus'],
      'expected at least 1, got 0',
    ],
    [
      { blocks: [aBlock({ config: { review: {}, model: 'x' } })] },
      ['blocks', 0, 'config', 'model'],
      'unknown key; accepted: "review"',
    ],
    [
      { blocks: [aBlock({ execution: { attempts: 0 } })] },
      ['blocks', 0, 'execution', 'attempts'],
      'expected at least 1, got 0',
    ],
    [
      { blocks: [aBlock({ execution: { attempts: 21 } })] },
      ['blocks', 0, 'execution', 'attempts'],
      'expected at most 20, got 21',
    ],
    [
      { blocks: [aBlock({ execution: { timeout: '5 minutes' } })] },
      ['blocks', 0, 'execution', 'timeout'],
      'expected a duration of at most ten years such as "500ms"',
    ],
    [
      JSON.parse(
        '{"blocks":[{"id":"a","type":"task","executor":{"kind":"supplied"},"__proto__":{"review":{}}}]}',
      ),
      ['blocks', 0, '__proto__'],
      'unknown key',
    ],
  ])('refuses %j', (body, path, message) => {
    expect(problems(body)).toEqual([{ path: ['body', ...path], message: containing(message) }]);
  });

  test('survives a body of a hundred thousand brackets', () => {
    const bomb: unknown = JSON.parse(`{"blocks":${'['.repeat(100_000)}${']'.repeat(100_000)}}`);
    expect(problems(bomb)).toMatchObject([{ message: containing('nests deeper') }]);
  });

  test('reports what is wrong in several places, up to twenty problems', () => {
    const bad = aBlock({ type: 'x', label: 3, more: 1 });
    expect(problems({ blocks: [bad] })).toHaveLength(3);
    expect(problems({ blocks: Array.from({ length: 50 }, () => bad) })).toHaveLength(MAX_PROBLEMS);
  });
});

describe('blocks', () => {
  test.each<[Fields, Path, string]>([
    [
      { categories: ['a'] },
      ['categories'],
      'is for blocks of type "classifier" only, and this is "task"',
    ],
    [{ type: 'classifier', categories: [] }, ['categories'], 'expected at least 1 item'],
    [
      { type: 'classifier', categories: ['a', 'b', 'a'] },
      ['categories', 2],
      '"a" is listed already',
    ],
    [
      { allow_overlap: true },
      ['allow_overlap'],
      'is for blocks of type "split" or "for_each" only',
    ],
    [{ map_method: 'split_by_key' }, ['map_method'], 'is for blocks of type "for_each" only'],
    [{ key: 'x' }, ['key'], 'is for blocks of type "for_each" only'],
    [{ json_schema: true }, ['json_schema'], 'expected an object, got true'],
    [{ json_schema: { typ: 'object' } }, ['json_schema', 'typ'], 'unknown keyword'],
    [
      { json_schema: { properties: { a: { $ref: 'https://example.com' } } } },
      ['json_schema', 'properties', 'a', '$ref'],
      'expected a reference to a schema in here',
    ],
    [
      { json_schema: { type: 'array' }, review: {} },
      ['json_schema', 'type'],
      'a reviewed output is a JSON object; expected "object", got "array"',
    ],
    [
      { execution: { timeout: '0s' } },
      ['execution', 'timeout'],
      'expected a duration from "1ms" to "24h", got "0s"',
    ],
    [{ execution: { timeout: '24h1' } }, ['execution', 'timeout'], 'expected a duration'],
    [
      { execution: { timeout: '1441m' } },
      ['execution', 'timeout'],
      'from "1ms" to "24h", got "1441m"',
    ],
    [
      { execution: { repeatable: false, attempts: 2 } },
      ['execution', 'attempts'],
      'expected 1 for a block that is not repeatable, got 2',
    ],
  ])('refuses %j', (overrides, path, message) => {
    expect(problems({ blocks: [aBlock(overrides)] })).toEqual([
      { path: ['body', 'blocks', 0, ...path], message: containing(message) },
    ]);
  });

  test.each<[Fields]>([
    [{ json_schema: { type: 'array' } }],
    [{ json_schema: { type: 'array' }, review: { placement: 'input' } }],
    [{ json_schema: { type: ['object', 'null'] }, review: {} }],
    [{ execution: { timeout: '24h', attempts: 20 } }],
    [{ execution: { timeout: '1ms', attempts: 1 } }],
    [{ type: 'split', allow_overlap: true }],
  ])('accepts %j', (overrides) => {
    expect(problems({ blocks: [aBlock(overrides)] })).toEqual([]);
  });

  test.each<[Fields, Fields | undefined, boolean, number]>([
    [{ kind: 'function', name: 'pay' }, { placement: 'input' }, false, 1],
    [{ kind: 'function', name: 'pay' }, { placement: 'output' }, true, 3],
    [{ kind: 'function', name: 'pay' }, undefined, true, 3],
    [{ kind: 'pass' }, { placement: 'input' }, true, 3],
  ])(
    'of %j with the gate %j is repeatable: %j, with %d attempts',
    (executor, review, repeatable, attempts) => {
      expect(block({ executor, review: review ?? null }).execution).toEqual({
        repeatable,
        attempts,
        timeout: '5m',
      });
    },
  );

  test('an input gate before a function may be told that a repeat does no harm', () => {
    const overrides = {
      executor: { kind: 'function', name: 'pay' },
      review: { placement: 'input' },
    };
    expect(
      block({ ...overrides, execution: { repeatable: true, attempts: 5 } }).execution.attempts,
    ).toBe(5);
    expect(
      problems({ blocks: [aBlock({ ...overrides, execution: { attempts: 5 } })] }),
    ).toHaveLength(1);
  });
});

describe('gates', () => {
  test('a review may stand under config', () => {
    expect(block({ config: { review: { groups: ['a'] } } }).review).toEqual(
      gate({ groups: ['a'] }),
    );
    expect(block({ config: {} }).review).toBeNull();
    expect(problems({ blocks: [aBlock({ review: {}, config: { review: {} } })] })).toEqual([
      {
        path: ['body', 'blocks', 0, 'config', 'review'],
        message: 'expected either review or config.review, got both',
      },
    ]);
    expect(
      problems({ blocks: [aBlock({ config: { review: { groups: ['a', 'a'] } } })] }),
    ).toMatchObject([{ path: ['body', 'blocks', 0, 'config', 'review', 'groups', 1] }]);
  });

  test.each<[Fields, Path, string]>([
    [{ groups: [''] }, ['groups', 0], 'expected more than white space'],
    [{ groups: [5] }, ['groups', 0], 'expected a string or an object, got 5'],
    [
      { groups: ['a', { grup: 'b', group: 'b' }] },
      ['groups', 1, 'grup'],
      'unknown key; accepted: "group" or "required"',
    ],
    [
      { groups: [{ group: 'a', required: 0 }] },
      ['groups', 0, 'required'],
      'expected at least 1, got 0',
    ],
    [
      { groups: [{ group: 'a', required: 101 }] },
      ['groups', 0, 'required'],
      'expected at most 100, got 101',
    ],
    [
      { groups: [{ group: 'a', required: 1.5 }] },
      ['groups', 0, 'required'],
      'expected an integer, got 1.5',
    ],
    [{ groups: ['a', { group: 'a' }] }, ['groups', 1], '"a" is listed already'],
    [
      { reviewers: [{ id: 'u' }, { id: 'v' }, { id: 'u' }] },
      ['reviewers', 2],
      '"u" is listed already',
    ],
    [{ reviewers: ['u'] }, ['reviewers', 0], 'expected an object, got "u"'],
    [
      { reviewers: [{ id: 'u', mandatory: false }] },
      ['reviewers'],
      'expected a group or a mandatory reviewer',
    ],
    [{ force_approval_groups: ['a', 'a'] }, ['force_approval_groups', 1], '"a" is listed already'],
    [{ min_approvals: 1 }, ['min_approvals'], 'no groups are declared; got 1'],
    [{ min_approvals: 1, reviewers: [{ id: 'u' }] }, ['min_approvals'], 'no groups are declared'],
    [{ min_approvals: 0, groups: ['a'] }, ['min_approvals'], 'expected at least 1, got 0'],
    [
      { min_approvals: 3, groups: ['a', 'b'] },
      ['min_approvals'],
      'expected 1 to 2, the number of groups, got 3',
    ],
    [
      { min_approvals: 1, groups: ['a', { group: 'b', required: 2 }] },
      ['min_approvals'],
      'cannot stand beside a group with required above 1',
    ],
    [
      { link: 'javascript:alert(1)' },
      ['link'],
      'expected a URL that begins with http:// or https://',
    ],
    [{ link: 'ftp://example.com' }, ['link'], 'expected a URL'],
    [{ link: 'https://' }, ['link'], 'expected a URL'],
    [{ link: '//example.com' }, ['link'], 'expected a URL'],
    [{ placement: 'middle' }, ['placement'], 'expected "output" or "input", got "middle"'],
    [{ self_approval: 'always' }, ['self_approval'], 'expected "never" or "admins", got "always"'],
    [{ corrections: true }, ['corrections'], 'expected "entries" or "none", got true'],
    [{ release: 'manual' }, ['release'], 'needs placement "input"'],
    [{ release: 'later' }, ['release'], 'expected "auto" or "manual", got "later"'],
    [{ release: { after: 'soon' } }, ['release', 'after'], 'expected a duration'],
    [
      { release: { aftr: '30s', after: '30s' } },
      ['release', 'aftr'],
      'unknown key; accepted: "after"',
    ],
    [
      { on_reject: 'explode' },
      ['on_reject'],
      'expected "cancel_run", "drop" or "continue", got "explode"',
    ],
    [
      { predicate: { kind: 'branch_in', branches: ['a'] } },
      ['predicate', 'kind'],
      'branch_in never fires',
    ],
    [
      { predicate: { kind: 'category_in', categories: ['a'] } },
      ['predicate', 'kind'],
      'got "category_in"',
    ],
    [{ predicate: 'always' }, ['predicate'], 'expected a predicate object, got "always"'],
    [
      { placement: 'input', predicate: { kind: 'validation_failed' } },
      ['predicate', 'kind'],
      'for the input of a block',
    ],
    [{ when: 'output.x >' }, ['when'], 'the expression cannot be read'],
    [{ when: 'input.x > 1' }, ['when'], 'unknown name input'],
    [{ placement: 'input', when: 'output.x > 1' }, ['when'], 'unknown name output'],
    [
      { when: 'true', predicate: { kind: 'always' } },
      ['when'],
      'expected either when or predicate, got both',
    ],
    [{ grops: ['a'] }, ['grops'], 'unknown key'],
  ])('refuses %j', (review, path, message) => {
    expect(problems(aReviewed(review))).toEqual([
      { path: ['body', 'blocks', 0, 'review', ...path], message: containing(message) },
    ]);
  });

  test.each<[Fields]>([
    [{ groups: ['a', 'b'], min_approvals: 2 }],
    [{ groups: [{ group: 'a', required: 100 }] }],
    [{ reviewers: [{ id: 'u' }, { id: 'v', mandatory: false }] }],
    [{ groups: ['a'], reviewers: [{ id: 'u', mandatory: false }] }],
    [{ placement: 'input', release: 'manual' }],
    [{ placement: 'input', release: { after: '0s' } }],
    [{ release: { after: '7d' } }],
    [{ placement: 'input', when: 'input.input.amount > 5' }],
    [{ link: 'HTTP://example.com/a?b=c' }],
  ])('accepts %j', (review) => {
    expect(problems(aReviewed(review))).toEqual([]);
  });

  test('a fault inside one form of a release is told as that form', () => {
    expect(problems(aReviewed({ release: { aftr: '30s' } }))).toEqual([
      {
        path: ['body', 'blocks', 0, 'review', 'release', 'after'],
        message: 'expected a string, got nothing',
      },
      {
        path: ['body', 'blocks', 0, 'review', 'release', 'aftr'],
        message: 'unknown key; accepted: "after"',
      },
    ]);
  });

  test('a reviewer is mandatory unless said otherwise', () => {
    expect(gate({ reviewers: [{ id: 'u' }] }).reviewers).toEqual([{ id: 'u', mandatory: true }]);
  });

  test('reports the faults of gates together', () => {
    const body = aReviewed({ groups: ['a', 'a'], min_approvals: 5, release: 'manual', when: '(' });
    expect(problems(body).map(({ path }) => path.slice(4))).toEqual([
      ['when'],
      ['groups', 1],
      ['min_approvals'],
      ['release'],
    ]);
  });

  test('warns at the place', () => {
    const { warnings } = accepted(aReviewed({ when: 'likelihoods.a < 0.5' }));
    expect(warnings).toEqual([
      {
        path: ['body', 'blocks', 0, 'review', 'when'],
        message: containing('n_consensus 1'),
      },
    ]);
    expect(
      accepted(aReviewed({ when: 'likelihoods.a < 0.5' }, { n_consensus: 2 })).warnings,
    ).toEqual([]);
    const inConfig = aBlock({
      config: { review: { predicate: { kind: 'confidence_lt', threshold: 0.5 } } },
    });
    expect(accepted({ blocks: [inConfig] }).warnings).toMatchObject([
      { path: ['body', 'blocks', 0, 'config', 'review', 'predicate'] },
    ]);
  });

  const passing = { executor: { kind: 'pass' } };
  const refusable = aBlock({ review: { on_reject: 'continue' } });
  const gated = aBlock({ id: 'b', ...passing, review: {} });
  const each = { id: 'b', type: 'for_each', ...passing, body: [aBlock({ id: 'x' })] };
  const handsOn = aBlock({ id: 'p', needs: ['a'], ...passing });
  test.each<readonly [string, readonly Fields[]]>([
    ['a gate on the output', [refusable, gated]],
    ['a gate on the input', [refusable, aBlock({ id: 'b', review: { placement: 'input' } })]],
    ['a for_each', [refusable, each]],
    [
      'a gate behind one that hands on',
      [{ ...gated, needs: ['p'] }, aBlock({ ...refusable, needs: [] }), handsOn],
    ],
  ])('says that %s is skipped with what reviewers may refuse', (_what, blocks) => {
    const path = ['body', 'blocks', blocks.findIndex(({ id }) => id === 'b'), 'needs'];
    expect(accepted({ blocks }).warnings).toEqual([
      { path, message: containing('and it is skipped with it') },
    ]);
  });

  test('says nothing where a refusal ends the run, or something is left', () => {
    const computing = { id: 'b', executor: { kind: 'function', name: 'f' } };
    const cases: readonly (readonly Fields[])[] = [
      [aBlock({ review: {} }), gated],
      [refusable, aBlock({ id: 'c', needs: [] }), { ...gated, needs: ['a', 'c'] }],
      [refusable, aBlock({ ...computing, review: {} })],
      [refusable, aBlock(computing)],
      [refusable, aBlock({ id: 'b', ...passing })],
    ];
    for (const blocks of cases) {
      expect(accepted({ blocks }).warnings).toEqual([]);
    }
  });

  test('names the block as its author placed it, even where the order changes', () => {
    const blocks = [
      aBlock({
        id: 'late',
        needs: ['early'],
        review: { predicate: { kind: 'confidence_lt', threshold: 0.5 } },
      }),
      aBlock({ id: 'early', needs: [] }),
    ];
    const { definition, warnings } = accepted({ blocks });
    expect(definition.blocks.map(({ id }) => id)).toEqual(['early', 'late']);
    expect(warnings[0]?.path).toEqual(['body', 'blocks', 0, 'review', 'predicate']);
  });
});

describe('for_each', () => {
  const inBody = (body: unknown, about: Fields = {}): Fields => ({
    blocks: [aBlock({ id: 'each', type: 'for_each', body, ...about })],
  });

  test('has a body in which each block needs the one before, and the first needs none', () => {
    const body = [aBlock({ id: 'x' }), aBlock({ id: 'y' }), aBlock({ id: 'z', needs: [] })];
    const blocks = [aBlock(), aBlock({ id: 'each', type: 'for_each', body }), aBlock({ id: 'b' })];
    const { definition } = accepted({ blocks });
    expect(definition.blocks.map(({ id, needs }) => [id, needs])).toEqual([
      ['a', []],
      ['each', ['a']],
      ['b', ['each']],
    ]);
    expect(definition.blocks[1]?.body?.map(({ id, needs }) => [id, needs])).toEqual([
      ['x', []],
      ['y', ['x']],
      ['z', []],
    ]);
  });

  test('may have needs of its siblings and of what its for_each needs itself, in any order', () => {
    const body = [
      aBlock({ id: 'late', needs: ['early', 'a'] }),
      aBlock({ id: 'early', needs: ['a'] }),
    ];
    const { definition } = accepted({
      blocks: [aBlock(), aBlock({ id: 'each', type: 'for_each', needs: ['a'], body })],
    });
    expect(definition.blocks[1]?.body?.map(({ id }) => id)).toEqual(['early', 'late']);
  });

  test('gives the same again for what it gave', () => {
    const inner = aBlock({
      id: 'inner',
      type: 'for_each',
      body: [aBlock({ id: 'leaf', review: { on_reject: 'drop' } })],
    });
    const { definition, warnings } = accepted(
      inBody([aBlock({ id: 'late', needs: ['inner'] }), { ...inner, needs: [] }]),
    );
    const { workflow_id: id, ...body } = definition;
    expect(parseDefinition(id, body)).toEqual({ definition, warnings });
  });

  const deep = (levels: number): Fields =>
    levels === 0
      ? aBlock({ id: 'leaf' })
      : aBlock({ id: `each${levels}`, type: 'for_each', body: [deep(levels - 1)] });

  test('may stand in another, three deep', () => {
    expect(problems({ blocks: [deep(3)] })).toEqual([]);
    expect(problems({ blocks: [deep(4)] })).toEqual([
      {
        path: ['body', 'blocks', 0, 'body', 0, 'body', 0, 'body', 0, 'body'],
        message: 'a for_each may stand in another, at most 3 deep',
      },
    ]);
  });

  test.each<[string, Fields, Path, string]>([
    [
      'without a body',
      { blocks: [aBlock({ type: 'for_each' })] },
      [0, 'body'],
      'expected the blocks that run for each item, got nothing',
    ],
    ['with an empty body', inBody([]), [0, 'body'], 'expected at least 1 item'],
    [
      'that is a body of another type',
      { blocks: [aBlock({ body: [aBlock({ id: 'b' })] })] },
      [0, 'body'],
      'is for blocks of type "for_each" only, and this is "task"',
    ],
    [
      'whose block is misshapen',
      inBody([aBlock({ id: 'x', type: 'extrat' })]),
      [0, 'body', 0, 'type'],
      'got "extrat"',
    ],
    [
      'whose gate is wrong',
      inBody([aBlock({ id: 'x' }), aBlock({ id: 'y', review: { groups: ['a', 'a'] } })]),
      [0, 'body', 1, 'review', 'groups', 1],
      '"a" is listed already',
    ],
    [
      'with an id that a block outside has',
      { blocks: [aBlock(), aBlock({ id: 'each', type: 'for_each', body: [aBlock()] })] },
      [1, 'body', 0, 'id'],
      '"a" is the id of a block already',
    ],
    [
      'with its own id inside',
      inBody([aBlock({ id: 'each' })]),
      [0, 'body', 0, 'id'],
      '"each" is the id of a block already',
    ],
    [
      'whose block needs one that its for_each does not need',
      {
        blocks: [
          aBlock(),
          aBlock({
            id: 'each',
            type: 'for_each',
            needs: [],
            body: [aBlock({ id: 'x', needs: ['a'] })],
          }),
        ],
      },
      [1, 'body', 0, 'needs', 0],
      'expected a block of the same body, or one that its for_each "each" needs itself, got "a"',
    ],
    [
      'whose block needs the for_each around it',
      inBody([aBlock({ id: 'x', needs: ['each'] })]),
      [0, 'body', 0, 'needs', 0],
      'expected a block of the same body',
    ],
    [
      'whose block needs nobody we know',
      inBody([aBlock({ id: 'x', needs: ['b'] })]),
      [0, 'body', 0, 'needs', 0],
      'expected the id of a block of this workflow, got "b"',
    ],
    [
      'from whose body a block outside needs one',
      {
        blocks: [
          aBlock({ id: 'each', type: 'for_each', body: [aBlock({ id: 'x' })] }),
          aBlock({ id: 'y', needs: ['x'] }),
        ],
      },
      [1, 'needs', 0],
      '"x" is in the body of "each", which hands on what its iterations gave; need "each" instead',
    ],
    [
      'whose blocks need each other in a circle',
      inBody([aBlock({ id: 'x', needs: ['y'] }), aBlock({ id: 'y', needs: ['x'] })]),
      [0, 'body', 0, 'needs'],
      'blocks need each other in a circle: "x" needs "y" needs "x"',
    ],
    [
      'whose body has something that is not supported yet',
      inBody([aBlock({ id: 'x', review: { escalate: {} } })]),
      [0, 'body', 0, 'review', 'escalate'],
      'escalate is not supported yet',
    ],
  ])('is refused %s', (_, body, path, message) => {
    expect(problems(body)).toEqual([
      { path: ['body', 'blocks', ...path], message: containing(message) },
    ]);
  });

  test('counts the blocks of bodies into the hundred of a workflow', () => {
    const many = (count: number): readonly Fields[] =>
      Array.from({ length: count }, (_, index) => aBlock({ id: `b${index}` }));
    expect(problems(inBody(many(99)))).toEqual([]);
    expect(problems(inBody(many(100)))).toEqual([
      {
        path: ['body', 'blocks'],
        message: 'expected at most 100 blocks, those of bodies counted, got 101',
      },
    ]);
  });

  test('warns at the place inside a body', () => {
    const review = { predicate: { kind: 'confidence_lt', threshold: 0.5 } };
    expect(
      accepted(inBody([aBlock({ id: 'x' }), aBlock({ id: 'y', review })])).warnings,
    ).toMatchObject([{ path: ['body', 'blocks', 0, 'body', 1, 'review', 'predicate'] }]);
  });

  test('drops in its body only', () => {
    expect(problems(aReviewed({ on_reject: 'continue' }))).toEqual([]);
    expect(problems(aReviewed({ on_reject: 'drop' }))).toEqual([
      {
        path: ['body', 'blocks', 0, 'review', 'on_reject'],
        message:
          '"drop" leaves out one iteration and is for blocks in the body of a for_each; accepted here: "cancel_run" or "continue"',
      },
    ]);
    expect(problems(inBody([aBlock({ id: 'x', review: { on_reject: 'drop' } })]))).toEqual([]);
    const gated = { review: { on_reject: 'drop' }, map_method: 'split_by_key', key: 'k' };
    expect(problems(inBody([aBlock({ id: 'x' })], gated))).toHaveLength(1);
  });
});

describe('when a decision is due', () => {
  const placements = ['output', 'input'] as const;

  test.each(placements)('is kept as it is written, for an %s', (placement) => {
    for (const due of ['0s', '90m', '2d', '3650d']) {
      expect(gate({ placement, due_in: due })).toEqual({ ...gate({ placement }), due_in: due });
    }
  });

  test('is left out where there is none, so that a definition keeps its id', () => {
    expect(gate({})).not.toHaveProperty('due_in');
    expect(gate({ due_in: null })).not.toHaveProperty('due_in');
  });

  test.each([
    ['3651d', 'expected a duration of at most ten years'],
    ['soon', 'expected a duration of at most ten years'],
    ['-1d', 'expected a duration of at most ten years'],
    [2, 'expected a string'],
    [{ after: '2d' }, 'expected a string'],
  ])('is refused as other durations are: %j', (due, message) => {
    expect(problems({ blocks: [aBlock({ review: { due_in: due } })] })).toEqual([
      { path: ['body', 'blocks', 0, 'review', 'due_in'], message: containing(message) },
    ]);
  });
});

describe('what is not supported yet', () => {
  const rows: readonly (readonly [Fields, Path, string])[] = [
    [
      { review: { remind_every: '1d' } },
      ['review', 'remind_every'],
      'remind_every is not supported yet',
    ],
    [{ review: { on_due: 'reject' } }, ['review', 'on_due'], 'on_due is not supported yet'],
    [{ review: { escalate: {} } }, ['review', 'escalate'], 'escalate is not supported yet'],
  ];

  test.each(rows)('is refused: %j', (overrides, path, message) => {
    expect(problems({ blocks: [aBlock(overrides)] })).toEqual([
      { path: ['body', 'blocks', 0, ...path], message },
    ]);
  });

  test('is refused under config too, and together with what is wrong beside it', () => {
    const block = aBlock({ config: { review: { on_due: false } }, label: 3 });
    expect(problems({ blocks: [block] }).map(({ path }) => path)).toEqual([
      ['body', 'blocks', 0, 'config', 'review', 'on_due'],
      ['body', 'blocks', 0, 'label'],
    ]);
  });

  test('has a row here for each line of the list', () => {
    expect(rows.map(([, path]) => path.at(-1))).toEqual(NOT_YET_SUPPORTED.map(({ key }) => key));
  });
});
