import type { BlockType, Placement, PredicateKind } from './definition.js';

const OF_EVERY_OUTPUT: readonly PredicateKind[] = [
  'always',
  'validation_failed',
  'json_condition',
  'expression',
  'any_of',
  'all_of',
];

const OF_PARTS: readonly PredicateKind[] = [
  'split_count_neq',
  'any_split_pages_lt',
  'boundary_confidence_lt',
];

const OF_OUTPUTS: Readonly<Record<BlockType, readonly PredicateKind[]>> = {
  extract: [...OF_EVERY_OUTPUT, 'any_required_field_null', 'confidence_lt'],
  task: [...OF_EVERY_OUTPUT, 'any_required_field_null', 'confidence_lt'],
  classifier: [...OF_EVERY_OUTPUT, 'category_in', 'confidence_lt', 'top_margin_lt'],
  split: [...OF_EVERY_OUTPUT, ...OF_PARTS],
  for_each: [...OF_EVERY_OUTPUT, ...OF_PARTS, 'any_pages_unassigned'],
};

/** Before a block has run there is neither an output nor a consensus to look at. */
const OF_INPUTS: readonly PredicateKind[] = [
  'always',
  'json_condition',
  'expression',
  'any_of',
  'all_of',
];

/** The kinds of predicates that make sense for a gate of this placement on a block of this type. */
export function predicateKindsFor(type: BlockType, placement: Placement): readonly PredicateKind[] {
  return placement === 'input' ? OF_INPUTS : OF_OUTPUTS[type];
}
