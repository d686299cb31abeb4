import type { BlockType, Placement } from '../domain/definition.js';
import type { JsonObject } from '../domain/json.js';
import { compileApproval } from './compile-approval.js';
import { compileWhen } from './compile-when.js';
import type { GateOptions, OnReject } from './gate.js';
import { quoted, unknownOptions } from './problem.js';
import { defined, type DeclaredGate } from './stored-form.js';

/** What of its block decides how a gate is compiled. */
export type GateContext = {
  readonly type: BlockType;
  readonly schema: JsonObject | null;
  readonly categories: readonly string[] | null;
};

/** Every option that some gate has. What JavaScript hands in may be anything: it is checked where it matters. */
type AnyGate = GateOptions & {
  readonly placement?: Placement;
  readonly when?: unknown;
  readonly release?: NonNullable<DeclaredGate['release']>;
  readonly onReject?: OnReject;
};

const OPTIONS = {
  title: true,
  instructions: true,
  link: true,
  approve: true,
  selfApproval: true,
  onePersonOneEntry: true,
  corrections: true,
  correctionAuthorMayApprove: true,
  forceApprovalGroups: true,
  acknowledgeSuperseded: true,
  dueIn: true,
  placement: true,
  when: true,
  release: true,
  onReject: true,
} as const satisfies Record<keyof AnyGate, true>;

const ON_REJECT = { cancel: 'cancel_run', drop: 'drop', continue: 'continue' } as const;

/** A gate as it is stored, and what is wrong with it: clauses that follow "The gate is wrong:". */
export function compileGate(
  given: object,
  context: GateContext,
): { readonly stored: DeclaredGate; readonly problems: readonly string[] } {
  const options: AnyGate = given;
  const placement = options.placement ?? 'output';
  const approval = compileApproval(options.approve);
  const when = compileWhen(options.when, {
    ...context,
    placement,
  });
  return {
    stored: defined<DeclaredGate>({
      name: options.title,
      instructions: options.instructions,
      link: options.link,
      ...when.stored,
      placement: options.placement,
      ...approval.entries,
      self_approval: options.selfApproval,
      one_person_one_entry: options.onePersonOneEntry,
      corrections: options.corrections,
      correction_author_may_approve: options.correctionAuthorMayApprove,
      release: options.release,
      on_reject: isOnReject(options.onReject) ? ON_REJECT[options.onReject] : undefined,
      force_approval_groups: options.forceApprovalGroups,
      acknowledge_superseded: options.acknowledgeSuperseded,
      due_in: options.dueIn,
    }),
    problems: [
      ...unknownOptions(options, Object.keys(OPTIONS)),
      ...when.problems,
      ...approval.problems,
      ...oddValue('placement', options.placement, ['output', 'input']),
      ...oddValue('onReject', options.onReject, Object.keys(ON_REJECT)),
      ...(options.release === 'manual' && placement !== 'input'
        ? ['a manual release lets an approved input go on and needs placement "input"']
        : []),
    ],
  };
}

function isOnReject(value: unknown): value is OnReject {
  return typeof value === 'string' && Object.hasOwn(ON_REJECT, value);
}

function oddValue(option: string, value: unknown, accepted: readonly string[]): readonly string[] {
  return value === undefined || accepted.some((one) => one === value)
    ? []
    : [`its ${option} is ${quoted(value)}, and there are ${accepted.join(', ')}`];
}
