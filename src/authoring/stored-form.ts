import type { BlockType, Executor, Gate, Placement, Predicate } from '../domain/definition.js';
import type { JsonObject } from '../domain/json.js';

// What a builder compiles to: a definition as its author would write it in JSON, defaults left out.

/** The `review` of a block in the form that is sent: what an own workflow's `review()` takes as its policy, too. */
export type DeclaredGate = {
  readonly name?: string;
  readonly instructions?: string;
  readonly link?: string;
  readonly predicate?: Predicate;
  readonly when?: string;
  readonly placement?: Placement;
  readonly groups?: readonly { readonly group: string; readonly required?: number }[];
  readonly reviewers?: readonly { readonly id: string; readonly mandatory?: boolean }[];
  readonly min_approvals?: number;
  readonly self_approval?: Gate['self_approval'];
  readonly one_person_one_entry?: boolean;
  readonly corrections?: Gate['corrections'];
  readonly correction_author_may_approve?: boolean;
  readonly release?: Gate['release'];
  readonly on_reject?: Gate['on_reject'];
  readonly force_approval_groups?: readonly string[];
  readonly acknowledge_superseded?: boolean;
  readonly due_in?: string;
};

/** A block in the form that is sent. */
export type DeclaredBlock = {
  readonly id: string;
  readonly type: BlockType;
  readonly label?: string;
  readonly needs?: readonly string[];
  readonly executor: Executor;
  readonly review?: DeclaredGate;
  readonly json_schema?: JsonObject;
  readonly categories?: readonly string[];
  readonly n_consensus?: number;
  readonly map_method?: string;
  readonly key?: string;
  readonly allow_overlap?: boolean;
  readonly body?: readonly DeclaredBlock[];
  readonly execution?: {
    readonly repeatable?: boolean;
    readonly attempts?: number;
    readonly timeout?: string;
  };
};

/** A workflow definition in the form that is sent, with the id that stands in the URL. */
export type DeclaredWorkflow = {
  readonly id: string;
  readonly name?: string;
  readonly metadata?: JsonObject;
  readonly blocks: readonly DeclaredBlock[];
};

/** An object without what is undefined, which JSON does not know. */
export function defined<Target extends object>(value: {
  readonly [Key in keyof Target]: object extends Pick<Target, Key>
    ? Target[Key] | undefined
    : Target[Key];
}): Target;
export function defined(value: object): object {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined));
}
