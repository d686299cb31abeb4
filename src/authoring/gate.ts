import type { BlockType } from '../domain/definition.js';
import type { Approval } from './approval.js';
import type { Duration } from './executors.js';
import type { Problem } from './problem.js';
import type {
  Opens,
  WhenClassifier,
  WhenExtract,
  WhenForEach,
  WhenSplit,
  WhenTask,
} from './when.js';

/** What a rejection does: end the run, leave this iteration out, or go on without the output. */
export type OnReject = 'cancel' | 'drop' | 'continue';

/** What every gate can say. Whatever is left out has the default of the stored form. */
export interface GateOptions {
  /** What reviewers see it called. */
  readonly title?: string;
  readonly instructions?: string;
  /** A URL to see beside what is reviewed. */
  readonly link?: string;
  /** Who must approve. Without it: anybody with the role reviewer. */
  readonly approve?: Approval;
  /** Whether the owner of a run may approve it: `admins` (the default) if they are one, or `never`. */
  readonly selfApproval?: 'never' | 'admins';
  /** True: an approval fills one entry. By default it fills all that its person may fill. */
  readonly onePersonOneEntry?: boolean;
  /** Who may add versions: those who may fill an entry, or nobody. */
  readonly corrections?: 'entries' | 'none';
  /** False: somebody else has to approve a correction. */
  readonly correctionAuthorMayApprove?: boolean;
  readonly forceApprovalGroups?: readonly string[];
  /** True: whoever approves must name the versions that this discards. */
  readonly acknowledgeSuperseded?: boolean;
  /** By when a decision is wanted, from the opening on: the queue is sorted by it. Nothing happens by itself when it passes. */
  readonly dueIn?: Duration;
}

/** A gate on what came out of a block. */
export interface OutputGate<Scope, Rejected extends OnReject> extends GateOptions {
  readonly placement?: 'output';
  /** When it opens: CEL, or a function of what there is to look at. Without it: every time. */
  readonly when?: string | ((scope: Scope) => Opens);
  /** What an approval leads to: the block goes on at once, or after a time to undo. */
  readonly release?:
    | 'auto'
    | { readonly after: Duration }
    | Problem<'A manual release lets an approved input go on: it needs placement "input".'>;
  readonly onReject?: Rejected;
}

/** A gate on what a block is about to be given. */
export interface InputGate<Scope, Rejected extends OnReject> extends GateOptions {
  readonly placement: 'input';
  /** When it opens: CEL, or a function of what there is to look at. Without it: every time. */
  readonly when?: string | ((scope: Scope) => Opens);
  /** What an approval leads to: the block runs at once, after a time to undo, or when its owner says so. */
  readonly release?: 'auto' | 'manual' | { readonly after: Duration };
  readonly onReject?: Rejected;
}

/** What the `when` of an output gate is given, by the type of its block. */
export type OutputScope<Type extends BlockType, Output> = Type extends 'extract'
  ? WhenExtract<Output>
  : Type extends 'classifier'
    ? WhenClassifier<Output extends { readonly category: infer C extends string } ? C : string>
    : Type extends 'split'
      ? WhenSplit<Output>
      : Type extends 'for_each'
        ? WhenForEach<Output>
        : WhenTask<Output>;
