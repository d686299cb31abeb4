import {
  allOf,
  atLeast,
  block,
  defineWorkflow,
  fn,
  group,
  http,
  pass,
  person,
  supplied,
  type AnyWorkflow,
} from '../../src/index.js';
import type { BlockTypes } from '../../src/authoring/block.js';
import type { Block, DeclaredBlock, DeclaredGate } from '../../src/index.js';

/** A workflow in the builder's words, and the blocks that it is stored as. */
export type Program = {
  readonly about: string;
  readonly built: AnyWorkflow;
  readonly blocks: readonly DeclaredBlock[];
};

const SCHEMA = {
  type: 'object',
  required: ['total', 'vendor'],
  properties: {
    total: { type: ['number', 'null'] },
    pages: { type: 'integer' },
    urgent: { type: 'boolean' },
    vendor: {
      type: 'object',
      required: ['country'],
      properties: { country: { type: 'string' }, name: { type: ['string', 'null'] } },
    },
    lines: {
      type: 'array',
      items: { type: 'object', required: ['amount'], properties: { amount: { type: 'number' } } },
    },
  },
} as const;

const extract = block.extract('extract', { executor: fn('read'), schema: SCHEMA, needs: [] });
const classify = block.classifier('classify', {
  executor: supplied(),
  categories: ['invoice', 'receipt'],
  nConsensus: 5,
});
const split = block.split('split', { executor: supplied(), nConsensus: 3 });
const task = block.task('task', { executor: pass() });
const payment = block.task('payment', { needs: [], executor: fn('pay') });

const SUPPLIED = { kind: 'supplied' } as const;
const storedExtract = {
  id: 'extract',
  type: 'extract',
  needs: [],
  executor: { kind: 'function', name: 'read' },
  json_schema: SCHEMA,
} as const;
const storedClassify = {
  id: 'classify',
  type: 'classifier',
  executor: SUPPLIED,
  categories: ['invoice', 'receipt'],
  n_consensus: 5,
} as const;
const storedSplit = { id: 'split', type: 'split', executor: SUPPLIED, n_consensus: 3 } as const;
const storedTask = { id: 'task', type: 'task', executor: { kind: 'pass' } } as const;
const storedPayment = {
  id: 'payment',
  type: 'task',
  needs: [],
  executor: { kind: 'function', name: 'pay' },
} as const;

/** A program of one block behind a gate. */
function gated(
  about: string,
  one: Block<string, BlockTypes & { readonly drops: false }>,
  stored: DeclaredBlock,
  review: DeclaredGate,
): Program {
  const built = defineWorkflow({ id: 'w', blocks: [one] });
  return { about, built, blocks: [{ ...stored, review }] };
}

const whens: readonly Program[] = [
  gated('a gate that says nothing', extract.review({}), storedExtract, {}),
  gated('CEL as it is', extract.review({ when: 'output.total > 5.0' }), storedExtract, {
    when: 'output.total > 5.0',
  }),
  gated('always', extract.review({ when: ({ always }) => always() }), storedExtract, {
    predicate: { kind: 'always' },
  }),
  gated(
    'a typed condition',
    extract.review({
      when: ({ output }) => output.total.gt(10_000).or(output.vendor.country.ne('DE')),
    }),
    storedExtract,
    { when: 'output.total > 10000.0 || output.vendor.country != "DE"' },
  ),
  gated(
    'validation_failed',
    extract.review({ when: ({ validationFailed }) => validationFailed() }),
    storedExtract,
    { predicate: { kind: 'validation_failed' } },
  ),
  gated(
    'any_required_field_null',
    extract.review({ when: ({ anyRequiredFieldNull }) => anyRequiredFieldNull() }),
    storedExtract,
    { predicate: { kind: 'any_required_field_null' } },
  ),
  gated(
    'confidence_lt',
    classify.review({ when: ({ confidenceLt }) => confidenceLt(0.75) }),
    storedClassify,
    { predicate: { kind: 'confidence_lt', threshold: 0.75 } },
  ),
  gated(
    'category_in',
    classify.review({ when: ({ categoryIn }) => categoryIn('receipt', 'invoice') }),
    storedClassify,
    { predicate: { kind: 'category_in', categories: ['receipt', 'invoice'] } },
  ),
  gated(
    'top_margin_lt',
    classify.review({ when: ({ topMarginLt }) => topMarginLt(0) }),
    storedClassify,
    { predicate: { kind: 'top_margin_lt', margin: 0 } },
  ),
  gated(
    'split_count_neq',
    split.review({ when: ({ splitCountNeq }) => splitCountNeq(0) }),
    storedSplit,
    { predicate: { kind: 'split_count_neq', expected: 0 } },
  ),
  gated(
    'any_split_pages_lt',
    split.review({ when: ({ anySplitPagesLt }) => anySplitPagesLt(2) }),
    storedSplit,
    { predicate: { kind: 'any_split_pages_lt', min_pages: 2 } },
  ),
  gated(
    'boundary_confidence_lt',
    split.review({ when: ({ boundaryConfidenceLt }) => boundaryConfidenceLt(1) }),
    storedSplit,
    { predicate: { kind: 'boundary_confidence_lt', threshold: 1 } },
  ),
  gated(
    'json_condition',
    extract.review({
      when: ({ jsonCondition }) =>
        jsonCondition({
          logicalOperator: 'or',
          subConditions: [
            { path: 'data.total', operator: 'is_greater_than', value: '10.5' },
            { pathRef: { input: 'default', path: 'output-json-0.urgent' }, operator: 'is_true' },
          ],
        }),
    }),
    storedExtract,
    {
      predicate: {
        kind: 'json_condition',
        condition: {
          logical_operator: 'or',
          sub_conditions: [
            { path: 'data.total', operator: 'is_greater_than', value: '10.5' },
            {
              path_ref: { input: 'default', path: 'output-json-0.urgent' },
              operator: 'is_true',
            },
          ],
        },
      },
    },
  ),
  gated(
    'any_of and all_of, with expressions in them',
    extract.review({
      when: ({ anyOf, allOf, anyRequiredFieldNull, confidenceLt, output, expression }) =>
        anyOf(
          anyRequiredFieldNull(),
          allOf(confidenceLt(0.5), output.urgent),
          expression('size(output.lines) > 3'),
        ),
    }),
    storedExtract,
    {
      predicate: {
        kind: 'any_of',
        predicates: [
          { kind: 'any_required_field_null' },
          {
            kind: 'all_of',
            predicates: [
              { kind: 'confidence_lt', threshold: 0.5 },
              { kind: 'expression', expression: 'output.urgent' },
            ],
          },
          { kind: 'expression', expression: 'size(output.lines) > 3' },
        ],
      },
    },
  ),
  gated(
    'an input',
    payment.review({ placement: 'input', when: ({ input }) => input.field('amount').gt(100) }),
    storedPayment,
    { placement: 'input', when: 'input.amount > 100.0' },
  ),
];

const approvals: readonly Program[] = [
  gated('one group', task.review({ approve: group('finance') }), storedTask, {
    groups: [{ group: 'finance' }],
  }),
  gated(
    'some members of a group',
    task.review({ approve: atLeast(2, group('legal')) }),
    storedTask,
    {
      groups: [{ group: 'legal', required: 2 }],
    },
  ),
  gated(
    'some of several groups',
    task.review({ approve: atLeast(2, group('a'), group('b'), group('c')) }),
    storedTask,
    { groups: [{ group: 'a' }, { group: 'b' }, { group: 'c' }], min_approvals: 2 },
  ),
  gated('one person', task.review({ approve: person('u_cfo') }), storedTask, {
    reviewers: [{ id: 'u_cfo' }],
  }),
  gated(
    'groups and persons',
    task.review({
      approve: allOf(
        person('u_fyi', { optional: true }),
        group('finance'),
        atLeast(2, group('legal')),
        person('u_cfo'),
      ),
    }),
    storedTask,
    {
      groups: [{ group: 'finance' }, { group: 'legal', required: 2 }],
      reviewers: [{ id: 'u_fyi', mandatory: false }, { id: 'u_cfo' }],
    },
  ),
  gated(
    'some of several groups beside a person',
    task.review({ approve: allOf(atLeast(1, group('a'), group('b')), person('u_cfo')) }),
    storedTask,
    {
      groups: [{ group: 'a' }, { group: 'b' }],
      reviewers: [{ id: 'u_cfo' }],
      min_approvals: 1,
    },
  ),
];

const rest: readonly Program[] = [
  gated(
    'everything else that a gate can say',
    task.review({
      title: 'Totals',
      instructions: 'Compare with the PDF.',
      link: 'https://example.com/how',
      placement: 'output',
      approve: group('finance'),
      selfApproval: 'never',
      onePersonOneEntry: true,
      corrections: 'none',
      correctionAuthorMayApprove: false,
      release: { after: '30s' },
      onReject: 'cancel',
      forceApprovalGroups: ['sre-oncall'],
      acknowledgeSuperseded: true,
      dueIn: '2d',
    }),
    storedTask,
    {
      name: 'Totals',
      instructions: 'Compare with the PDF.',
      link: 'https://example.com/how',
      placement: 'output',
      groups: [{ group: 'finance' }],
      self_approval: 'never',
      one_person_one_entry: true,
      corrections: 'none',
      correction_author_may_approve: false,
      release: { after: '30s' },
      on_reject: 'cancel_run',
      force_approval_groups: ['sre-oncall'],
      acknowledge_superseded: true,
      due_in: '2d',
    },
  ),
  gated(
    'a manual release of an input',
    payment.review({ placement: 'input', release: 'manual' }),
    storedPayment,
    { placement: 'input', release: 'manual' },
  ),
  gated(
    'going on after a rejection',
    task.review({ onReject: 'continue', release: 'auto' }),
    storedTask,
    { on_reject: 'continue', release: 'auto' },
  ),
  {
    about: 'everything that blocks can say',
    built: defineWorkflow({
      id: 'w',
      name: 'All of it',
      metadata: { team: 'ap' },
      blocks: [
        extract,
        block.split('pages', {
          needs: [extract],
          executor: http({
            url: 'https://example.com/split',
            secretName: 'splitter',
            timeout: '30s',
          }),
          label: 'Pages',
          allowOverlap: true,
          execution: { repeatable: true, attempts: 5, timeout: '10m' },
        }),
        block.task('book', { executor: http({ url: 'https://example.com/book' }) }),
      ],
    }),
    blocks: [
      storedExtract,
      {
        id: 'pages',
        type: 'split',
        label: 'Pages',
        needs: ['extract'],
        executor: {
          kind: 'http',
          url: 'https://example.com/split',
          secret_name: 'splitter',
          timeout: '30s',
        },
        allow_overlap: true,
        execution: { repeatable: true, attempts: 5, timeout: '10m' },
      },
      { id: 'book', type: 'task', executor: { kind: 'http', url: 'https://example.com/book' } },
    ],
  },
];

const read = block.extract('read', { executor: fn('read') });
const check = block
  .task('check', { needs: [read, extract], executor: pass() })
  .review({ onReject: 'drop' });

const loops: readonly Program[] = [
  {
    about: 'a forEach, another in its body, and a gate that drops',
    built: defineWorkflow({
      id: 'w',
      blocks: [
        extract,
        block
          .forEach('each', {
            needs: [extract],
            executor: fn('parts'),
            mapMethod: 'split_by_key',
            key: 'number',
            allowOverlap: true,
            body: [
              read,
              check,
              block.forEach('inner', {
                executor: pass(),
                body: [block.task('line', { executor: pass() })],
              }),
            ],
          })
          .review({ when: ({ anyPagesUnassigned }) => anyPagesUnassigned() }),
      ],
    }),
    blocks: [
      storedExtract,
      {
        id: 'each',
        type: 'for_each',
        needs: ['extract'],
        executor: { kind: 'function', name: 'parts' },
        map_method: 'split_by_key',
        key: 'number',
        allow_overlap: true,
        body: [
          { id: 'read', type: 'extract', executor: { kind: 'function', name: 'read' } },
          {
            id: 'check',
            type: 'task',
            needs: ['read', 'extract'],
            executor: { kind: 'pass' },
            review: { on_reject: 'drop' },
          },
          {
            id: 'inner',
            type: 'for_each',
            executor: { kind: 'pass' },
            body: [{ id: 'line', type: 'task', executor: { kind: 'pass' } }],
          },
        ],
        review: { predicate: { kind: 'any_pages_unassigned' } },
      },
    ],
  },
];

/** One program for everything that a definition can say. */
export const PROGRAMS: readonly Program[] = [...whens, ...approvals, ...rest, ...loops];
