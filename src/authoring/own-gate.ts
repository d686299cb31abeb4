import type { Json } from '../domain/json.js';
import { compileGate } from './compile-gate.js';
import type { OutputGate } from './gate.js';
import { DefinitionError } from './problem.js';
import type { DeclaredGate } from './stored-form.js';
import type { WhenTask } from './when.js';

/** A gate for an own workflow: always on an output, and a rejection is an answer that the workflow gets. */
export interface OwnGate<Snapshot> extends Omit<
  OutputGate<WhenTask<Snapshot>, never>,
  'onReject' | 'placement'
> {}

/**
 * The gate of an own workflow, in the stored form that `review({ …, policy })` takes.
 *
 * `gate<Refund>({ when: ({ output }) => output.amount.gt(100) })` knows the fields of the snapshot from its type.
 *
 * @throws DefinitionError with everything that is wrong with it, where the compiler could not say so
 */
export function gate<Snapshot = Json>(options: OwnGate<Snapshot>): DeclaredGate {
  const { stored, problems } = compileGate(options, {
    type: 'task',
    schema: null,
    categories: null,
  });
  const misplaced = Object.hasOwn(options, 'onReject') || Object.hasOwn(options, 'placement');
  const all = [
    ...problems,
    ...(misplaced
      ? ['an own workflow has neither placement nor onReject: it gets the rejection as an answer']
      : []),
  ];
  if (all.length > 0) {
    throw new DefinitionError(all.map((problem) => `The gate is wrong: ${problem}.`));
  }
  return stored;
}
