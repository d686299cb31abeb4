import { canBeCompleted } from './checker/rules.js';
import { FORCE_GROUP, GROUPS, OWNERS, PEOPLE } from './directory.js';
import type { Json, JsonObject } from './json.js';
import type { Random } from './random.js';

/** A gate as the campaign declares it, and as the checker judges it. */
export type Gate = {
  readonly placement: 'output' | 'input';
  readonly groups: readonly { readonly group: string; readonly required: number }[];
  readonly reviewers: readonly { readonly id: string; readonly mandatory: boolean }[];
  readonly min_approvals: number | null;
  readonly self_approval: 'never' | 'admins';
  readonly one_person_one_entry: boolean;
  readonly corrections: 'entries' | 'none';
  readonly correction_author_may_approve: boolean;
  readonly release: 'auto' | 'manual' | { readonly after: string };
  readonly on_reject: 'cancel_run' | 'continue' | 'drop';
  readonly force_approval_groups: readonly string[];
  /** Opens only where what is reviewed has more than so much `amount`; null: always. */
  readonly opensAbove: number | null;
};

/** What a block does: bring its input, or run one of the campaign's functions. */
export type Work = 'supplied' | 'make' | 'act' | 'slow' | 'flaky' | 'fail';

/** A block as the campaign declares it. */
export type Block = {
  readonly id: string;
  readonly type: 'extract' | 'task' | 'for_each';
  readonly needs: readonly string[];
  readonly work: Work;
  readonly repeatable: boolean;
  readonly gate: Gate | null;
  readonly body: readonly Block[] | null;
};

/** A workflow of the campaign. */
export type Workflow = { readonly id: string; readonly blocks: readonly Block[] };

/** The seconds for which a gate with time to undo waits. */
export const UNDO_SECONDS = 2;

const SHAPES = [
  'chain',
  'before-and-after',
  'parallel',
  'loop',
  'long',
  'failing',
  'last',
] as const;
type Shape = (typeof SHAPES)[number];

/** Draws so many workflows; the first ones have every shape there is. */
export function drawWorkflows(random: Random, count: number): readonly Workflow[] {
  return Array.from({ length: count }, (_, index) => {
    const own = random.fork(`workflow ${index}`);
    const shape = SHAPES[index] ?? own.pick(SHAPES.filter((one) => one !== 'failing'));
    return {
      id: `campaign_${index}_${shape.replaceAll('-', '_')}`,
      blocks: drawBlocks(own, shape),
    };
  });
}

function drawBlocks(random: Random, shape: Shape): readonly Block[] {
  const gate = (placement: 'output' | 'input', isInBody = false): Gate =>
    drawGate(random, placement, isInBody);
  switch (shape) {
    case 'chain':
      return [
        block('make', 'make', [], { gate: gate('output') }),
        block('act', 'act', ['make'], { repeatable: false }),
      ];
    case 'before-and-after':
      return [
        block('bring', 'supplied', [], { gate: gate('output') }),
        block('pay', 'act', ['bring'], { gate: gate('input'), repeatable: false }),
        block('after', 'act', ['pay', 'bring'], { repeatable: false }),
      ];
    case 'parallel':
      return [
        block('left', 'make', [], { gate: gate('output') }),
        block('right', 'supplied', [], { gate: gate('output') }),
        block('beside', 'slow', [], { repeatable: random.chance(0.5) }),
        block('join', 'act', ['left', 'right', 'beside'], { repeatable: false }),
      ];
    case 'loop':
      return [
        {
          ...block('each', 'supplied', []),
          type: 'for_each',
          body: [
            block('check', 'supplied', [], { gate: gate('output', true) }),
            block('book', 'act', ['check'], { repeatable: false }),
          ],
        },
        block('after', 'act', ['each'], { repeatable: false }),
      ];
    case 'long':
      return [
        block('first', 'flaky', [], { gate: gate('output') }),
        block('second', 'act', ['first'], { gate: gate('input'), repeatable: random.chance(0.5) }),
        block('third', 'make', ['second'], { gate: gate('output') }),
        block('last', 'act', ['third'], { repeatable: false }),
      ];
    case 'failing':
      return [
        block('bring', 'supplied', [], { gate: gate('output') }),
        block('broken', 'fail', ['bring'], { repeatable: false }),
        block('never', 'act', ['broken'], { repeatable: false }),
        block('aside', 'supplied', [], { gate: gate('output') }),
      ];
    case 'last':
      return [
        block('draft', 'supplied', []),
        block('final', 'make', ['draft'], { gate: gate('output') }),
      ];
  }
}

function block(
  id: string,
  work: Work,
  needs: readonly string[],
  about: { readonly gate?: Gate; readonly repeatable?: boolean } = {},
): Block {
  return {
    id,
    type: work === 'supplied' ? 'extract' : 'task',
    needs,
    work,
    repeatable: about.repeatable ?? true,
    gate: about.gate ?? null,
    body: null,
  };
}

/** Draws gates until there is one that the people of the directory can complete, whoever owns the run. */
function drawGate(random: Random, placement: 'output' | 'input', isInBody: boolean): Gate {
  for (;;) {
    const drawn = drawAnyGate(random, placement, isInBody);
    if (OWNERS.every((ownerId) => canBeCompleted(drawn, ownerId, PEOPLE))) {
      return drawn;
    }
  }
}

function drawAnyGate(random: Random, placement: 'output' | 'input', isInBody: boolean): Gate {
  const groups = random
    .shuffled(GROUPS)
    .slice(
      0,
      random.weighted([
        [0, 1],
        [1, 2],
        [2, 3],
      ] as const),
    )
    .map((group) => ({
      group,
      required: random.weighted([
        [1, 3],
        [2, 1],
      ] as const),
    }));
  const named = random.chance(0.35)
    ? [{ id: random.pick(['gia', 'bo', 'ari']), mandatory: random.chance(0.6) }]
    : [];
  const reviewers = groups.length > 0 || named.every((one) => one.mandatory) ? named : [];
  const counts = groups.length > 1 && groups.every(({ required }) => required === 1);
  const isOutput = placement === 'output';
  return {
    placement,
    groups,
    reviewers,
    min_approvals: counts && random.chance(0.4) ? 1 : null,
    self_approval: random.pick(['never', 'admins']),
    one_person_one_entry: random.chance(0.5),
    corrections: isOutput && random.chance(0.8) ? 'entries' : 'none',
    correction_author_may_approve: random.chance(0.6),
    release: random.weighted<Gate['release']>([
      ['auto', 6],
      [isOutput ? 'auto' : 'manual', 3],
      [{ after: `${UNDO_SECONDS}s` }, 2],
    ]),
    on_reject: isInBody
      ? random.pick(['drop', 'continue', 'cancel_run'])
      : random.weighted([
          ['cancel_run', 3],
          ['continue', 2],
        ] as const),
    force_approval_groups: random.chance(0.5) ? [FORCE_GROUP] : [],
    opensAbove: isOutput && random.chance(0.15) ? 500 : null,
  };
}

/** A workflow as its author sends it. */
export function declared({ blocks }: Workflow): JsonObject {
  return { blocks: blocks.map(declaredBlock) };
}

function declaredBlock(one: Block): JsonObject {
  return {
    id: one.id,
    type: one.type,
    needs: one.needs,
    executor: one.work === 'supplied' ? { kind: 'supplied' } : { kind: 'function', name: one.work },
    execution: { repeatable: one.repeatable, attempts: one.repeatable ? 3 : 1, timeout: '2m' },
    ...(one.gate === null ? {} : { review: declaredGate(one.gate) }),
    ...(one.body === null ? {} : { body: one.body.map(declaredBlock) }),
  };
}

/** What is not declared is left out: an empty list says something else than no list. */
function declaredGate({ opensAbove, ...gate }: Gate): JsonObject {
  const given = Object.entries(gate).filter(
    ([, value]) => value !== null && !(Array.isArray(value) && value.length === 0),
  );
  return {
    ...Object.fromEntries<Json>(given),
    ...(opensAbove === null ? {} : { when: `output.amount > ${opensAbove}` }),
  };
}

/** What a run brings for the blocks that need something brought. */
export function drawInputs(random: Random, { blocks }: Workflow): JsonObject {
  return Object.fromEntries(
    blocks
      .filter(({ needs }) => needs.length === 0)
      .map((one): [string, Json] => [
        one.id,
        one.type === 'for_each'
          ? Array.from({ length: random.int(2, 4) }, () => drawContent(random))
          : drawContent(random),
      ]),
  );
}

/** Content whose every character has to arrive: order of keys, numbers at the edge, empty and foreign text. */
export function drawContent(random: Random): JsonObject {
  const odd: readonly Json[] = [
    null,
    '',
    ' ',
    'Zoë, 株式会社 \u{1F9FE}',
    '"quoted" \\ and \n broken',
    0.1 + 0.2,
    1e-7,
    5e-324,
    9_007_199_254_740_991,
    -0.5,
    [],
    {},
    [1, [2, { a: null }]],
    '\u2028\u0007',
  ];
  return {
    zulu: random.pick(odd),
    amount: random.int(1, 1_000),
    '\u20ac': random.pick(odd),
    alpha: { b: random.pick(odd), a: random.pick(odd) },
    mark: random.int(1, 1_000_000_000),
  };
}

/** Whether a gate opens on what it is shown. */
export function opensOn({ opensAbove }: Gate, shown: Json): boolean {
  if (opensAbove === null) {
    return true;
  }
  const amount =
    typeof shown === 'object' && shown !== null && 'amount' in shown ? shown['amount'] : null;
  return typeof amount === 'number' && amount > opensAbove;
}

/** Finds a block of a workflow, in a body too. */
export function blockOf({ blocks }: Workflow, id: string): Block {
  const found = blocks.flatMap((one) => [one, ...(one.body ?? [])]).find((one) => one.id === id);
  if (found === undefined) {
    throw new Error(`there is no block '${id}'`);
  }
  return found;
}
