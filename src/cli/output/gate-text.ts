import type { CheckedGate, CheckedWorkflow, NamedPerson } from '../../client/index.js';
import type { Block, Definition, Gate, Predicate } from '../../domain/definition.js';
import { allBlocks, findBlock } from '../../domain/blocks.js';
import { compilePolicy } from '../../domain/compile-policy.js';
import { describeEntries } from '../../domain/decide.js';
import { entriesOf, neededGroupEntries } from '../../domain/policy.js';
import { printable, printableLines } from './printable.js';
import type { Style } from './style.js';
import { fields, table } from './table.js';

/**
 * Every gate of a definition in plain words: when it opens, who must approve, and what follows.
 *
 * @param checked who could give what, as the server knows it; null where no server was asked
 */
export function showGates(
  style: Style,
  definition: Definition,
  checked: CheckedWorkflow | null,
): string {
  const gates = allBlocks(definition.blocks).flatMap((block) =>
    block.review === null
      ? []
      : [
          showGate(style, definition, block, block.review, {
            gate: checked?.gates.find(({ block_id: id }) => id === block.id) ?? null,
            user: checked?.user ?? null,
          }),
        ],
  );
  return gates.length === 0
    ? style.dim('No block has a gate: nothing of it waits for people.')
    : gates.join('\n\n');
}

type Outlook = { readonly gate: CheckedGate | null; readonly user: NamedPerson | null };

function showGate(
  style: Style,
  definition: Definition,
  block: Block,
  review: Gate,
  { gate, user }: Outlook,
): string {
  const around = findBlock(definition.blocks, block.id)?.around ?? [];
  const place = [
    ...around.map(({ id }) => `of every item of ${id}`),
    review.placement === 'output' ? 'on its output' : 'on its input, before it runs',
  ];
  const title = `${style.bold(printable(block.id))} ${printable(place.join(', '))}`;
  const words = fields(style, [
    ['name', review.name],
    ['opens', describePredicate(review.predicate)],
    ['must approve', describeRequired(review)],
    ['welcome', describeOptional(review)],
    ['rules', describeRules(review).join('; ')],
    ['then', describeAfter(review)],
    ['due', review.due_in === undefined ? null : `${review.due_in} after it opened`],
  ]);
  return [
    title,
    indent(words),
    ...(gate === null
      ? []
      : ['', indent(showWhoCould(style, gate)), ...verdicts(style, gate, user)]),
  ].join('\n');
}

function indent(text: string): string {
  return text.replaceAll(/^(?=.)/gm, '  ');
}

function describeRequired(review: Gate): string {
  const policy = compilePolicy(review);
  const entries = entriesOf(policy);
  const needed = entries.filter(({ mandatory }) => mandatory);
  const groups = needed.filter(({ kind }) => kind !== 'reviewer');
  const enough = neededGroupEntries(policy, entries);
  if (enough >= groups.length) {
    return describeEntries(policy, needed);
  }
  const named = needed.filter(({ kind }) => kind === 'reviewer');
  return [
    `any ${enough} of: ${describeEntries(policy, groups)}`,
    ...(named.length === 0 ? [] : [`and ${describeEntries(policy, named)}`]),
  ].join('; ');
}

function describeOptional(review: Gate): string | null {
  const optional = entriesOf(compilePolicy(review)).filter(({ mandatory }) => !mandatory);
  return optional.length === 0 ? null : describeEntries(compilePolicy(review), optional);
}

function describeRules(review: Gate): readonly string[] {
  return [
    review.self_approval === 'never'
      ? 'the owner of the run never approves'
      : 'the owner of the run approves only as an admin',
    review.one_person_one_entry ? 'one person fills one entry' : 'a person fills all their entries',
    review.corrections === 'none'
      ? 'nobody corrects'
      : review.correction_author_may_approve
        ? 'who may approve may correct'
        : 'who may approve may correct, and then somebody else approves',
    ...(review.force_approval_groups.length === 0
      ? []
      : [`${review.force_approval_groups.join(', ')} may force an approval`]),
  ];
}

function describeAfter(review: Gate): string {
  const approved =
    review.release === 'manual'
      ? 'approved, it waits until its owner releases it'
      : review.release === 'auto'
        ? 'approved, it goes on at once'
        : `approved, it goes on after ${review.release.after}`;
  switch (review.on_reject) {
    case 'cancel_run':
      return `${approved}; rejected, the run is cancelled`;
    case 'drop':
      return `${approved}; rejected, its item is left out`;
    case 'continue':
      return `${approved}; rejected, the run goes on without it`;
  }
}

/** When a gate opens, in the words of its declaration. */
function describePredicate(predicate: Predicate): string {
  switch (predicate.kind) {
    case 'always':
      return 'every time';
    case 'expression':
      return `when ${predicate.expression}`;
    case 'any_of':
      return predicate.predicates.map(describePredicate).join(', or ');
    case 'all_of':
      return predicate.predicates.map(describePredicate).join(', and ');
    default: {
      const { kind, ...values } = predicate;
      const told = Object.values(values).length === 0 ? '' : ` ${JSON.stringify(values)}`;
      return `when ${kind}${told}`;
    }
  }
}

function showWhoCould(style: Style, { entries, could_force: could }: CheckedGate): string {
  const rows = [
    ...entries.map(({ key, mandatory, could_fill: people }) => [
      mandatory ? key : `${key} (optional)`,
      listed(people),
    ]),
    ...(could.length === 0 ? [] : [['by force', listed(could)]]),
  ];
  return table(style, ['ENTRY', 'COULD BE GIVEN TODAY BY'], rows, 'It has no entries.');
}

function listed(people: readonly NamedPerson[]): string {
  return people.length === 0
    ? 'nobody there is today'
    : people.map(({ id, name }) => (name === id ? id : `${name} (${id})`)).join(', ');
}

function verdicts(style: Style, gate: CheckedGate, user: NamedPerson | null): readonly string[] {
  const satisfiable = gate.satisfiable
    ? []
    : [style.yellow('Today’s people cannot satisfy it, even if all of them approve.')];
  return [...satisfiable, ...(user === null ? [] : describeUser(gate, user))].map((line) =>
    indent(printableLines(line)),
  );
}

function describeUser({ for_user: means }: CheckedGate, { name }: NamedPerson): readonly string[] {
  if (means === null) {
    return [];
  }
  const { can_fill: filled, can_fill_as_owner: own, satisfiable_as_owner: satisfiable } = means;
  const some = filled.length === 0 ? 'can give none of these' : `can give ${filled.join(', ')}`;
  const asOwner =
    filled.length === 0
      ? ''
      : own.length === 0
        ? ' The owner rule stops them on a run of their own.'
        : ' The same holds for a run of their own.';
  const run = satisfiable
    ? 'A run of theirs can get through.'
    : 'A run of theirs could not get through: nobody else can give what is needed.';
  return [`${name} ${some}.${asOwner} ${run}`];
}
