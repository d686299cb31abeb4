import type { Json, JsonObject } from './json.js';

/** The five kinds of blocks. */
export const BLOCK_TYPES = ['extract', 'classifier', 'split', 'for_each', 'task'] as const;
export type BlockType = (typeof BLOCK_TYPES)[number];

/** Where a gate stands: on what came out of its block, or on what is about to go in. */
export type Placement = 'output' | 'input';

/** How a block gets its output. */
export type Executor =
  | { readonly kind: 'supplied' }
  | { readonly kind: 'pass' }
  | {
      readonly kind: 'http';
      readonly url: string;
      readonly secret_name?: string;
      readonly timeout?: string;
    }
  | { readonly kind: 'function'; readonly name: string };

/** Whether a block has its output without anything being executed: what it was supplied with, or is given. */
export function isInstant({ kind }: Executor): boolean {
  return kind === 'supplied' || kind === 'pass';
}

/** One comparison of a `json_condition`. */
export type SubCondition = {
  readonly path?: string;
  readonly path_ref?: { readonly input?: string; readonly path: string };
  readonly operator: string;
  readonly value?: Json;
};

/** The flat condition group of a `json_condition`. */
export type JsonCondition = {
  readonly logical_operator?: 'and' | 'or';
  readonly sub_conditions: readonly SubCondition[];
};

/** When a gate opens a review; evaluated once, on the block's result or on its input. */
export type Predicate =
  | { readonly kind: 'always' }
  | { readonly kind: 'validation_failed' }
  | { readonly kind: 'any_required_field_null' }
  | { readonly kind: 'confidence_lt'; readonly threshold: number }
  | { readonly kind: 'category_in'; readonly categories: readonly string[] }
  | { readonly kind: 'top_margin_lt'; readonly margin: number }
  | { readonly kind: 'split_count_neq'; readonly expected: number }
  | { readonly kind: 'any_split_pages_lt'; readonly min_pages: number }
  | { readonly kind: 'boundary_confidence_lt'; readonly threshold: number }
  | { readonly kind: 'any_pages_unassigned' }
  | { readonly kind: 'json_condition'; readonly condition: JsonCondition }
  | { readonly kind: 'expression'; readonly expression: string }
  | { readonly kind: 'any_of'; readonly predicates: readonly Predicate[] }
  | { readonly kind: 'all_of'; readonly predicates: readonly Predicate[] };

export type PredicateKind = Predicate['kind'];

/** A gate as it is stored: every default filled in. Field names are those of authors' definitions. */
export type Gate = {
  readonly name: string | null;
  readonly instructions: string | null;
  readonly link: string | null;
  readonly predicate: Predicate;
  readonly placement: Placement;
  readonly groups: readonly { readonly group: string; readonly required: number }[];
  readonly reviewers: readonly { readonly id: string; readonly mandatory: boolean }[];
  readonly min_approvals: number | null;
  readonly self_approval: 'never' | 'admins';
  readonly one_person_one_entry: boolean;
  readonly corrections: 'entries' | 'none';
  readonly correction_author_may_approve: boolean;
  readonly release: 'auto' | 'manual' | { readonly after: string };
  readonly on_reject: 'cancel_run' | 'drop' | 'continue';
  readonly force_approval_groups: readonly string[];
  readonly acknowledge_superseded: boolean;
  /** By when a decision is wanted, from the opening on. Left out where none is declared, so that older definitions keep their ids. */
  readonly due_in?: string;
};

/** How a block may be executed: again after a crash or not, how often, and for how long at most. */
export type Execution = {
  readonly repeatable: boolean;
  readonly attempts: number;
  readonly timeout: string;
};

/** A node of a definition as it is stored: needs explicit, defaults filled in. */
export type Block = {
  readonly id: string;
  readonly type: BlockType;
  readonly label: string | null;
  readonly needs: readonly string[];
  readonly executor: Executor;
  readonly review: Gate | null;
  readonly json_schema: JsonObject | null;
  readonly categories: readonly string[] | null;
  readonly n_consensus: number;
  readonly allow_overlap: boolean;
  readonly map_method: string | null;
  readonly key: string | null;
  /** The blocks of one iteration; for_each only. */
  readonly body: readonly Block[] | null;
  readonly execution: Execution;
};

/** What an author declares: blocks in an order in which every need comes before its user. */
export type Definition = {
  readonly workflow_id: string;
  readonly name: string | null;
  readonly blocks: readonly Block[];
  readonly metadata: JsonObject | null;
};

/**
 * What a block is given: its own json input (in the body of a for_each the item of its iteration), and
 * the effective outputs of the blocks it needs; null for one that its reviewers refused.
 */
export type BlockInput = {
  readonly input: Json;
  readonly blocks: { readonly [blockId: string]: Json };
};

/** What a block gave: its output, and optionally the consensus behind it and a link to its source. */
export type BlockResult = {
  readonly output: Json;
  readonly consensus: JsonObject | null;
  readonly source: string | null;
};
