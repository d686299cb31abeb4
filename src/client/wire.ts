import type { z } from 'zod';
import type { loopItem } from '../api/dialects/native/loop-routes.js';
import type { retryResponse } from '../api/dialects/native/recovery-routes.js';
import type { ActorBody } from '../api/dialects/retab/people.js';
import type { ReviewBody } from '../api/dialects/retab/review-wire.js';
import type { RunBody } from '../api/dialects/retab/run-wire.js';
import type { step } from '../api/dialects/retab/step-wire.js';
import type { submitResponse } from '../api/dialects/retab/submit.js';
import type { Json, JsonObject } from '../domain/json.js';
import type { Role, Scope } from '../domain/people.js';

// What the API answers, under the names that it has on the wire. Where the API exports a schema its type is
// taken from there; the others are written here, and a test holds both to the schemas.

export type { Json, JsonObject, Role, Scope };

/** Whoever did something: a person (`human`), a service (`agent`), or a model. */
export type Actor = ActorBody;

/** A review: what it is about, where it stands, and every entry with the vote that has filled it. */
export type Review = ReviewBody;

/** Where a review stands: PENDING until it is decided, PROCESSING and later once it has been released. */
export type ReviewStatus = Review['status'];

/** One approval that a review requires (or, if it is not mandatory, welcomes). */
export type Entry = Review['entries'][number];

/** The terminal outcome of a review. */
export type Decision = NonNullable<Review['decision']>;

/** What a decision was answered with: what became of it, and whether the waiting workflow knows already. */
export type SubmitResponse = z.infer<typeof submitResponse>;

/** An immutable snapshot under review. */
export type Version = {
  readonly id: string;
  readonly review_id: string;
  /** The version it was made from; null for the runtime's own. */
  readonly parent_id: string | null;
  readonly author: Actor;
  readonly snapshot: JsonObject;
  readonly note: string | null;
  readonly created_at: string;
  readonly origin: 'model_output' | 'human_edit' | 'agent_edit' | 'revert';
  /** The hex SHA-256 of the snapshot's canonical form (RFC 8785). */
  readonly content_sha256: string;
};

/** A review with what it means to the caller. */
export type InboxItem = Review & {
  /** By when a decision is wanted; null where it is never due. */
  readonly due_at: string | null;
  readonly workflow_name: string | null;
  /** The keys of the open entries that the caller may fill. */
  readonly can_fill: readonly string[];
  /** The caller's standing vote. */
  readonly my_vote: {
    readonly verdict: 'approved' | 'rejected' | 'revoked';
    readonly version_id: string;
    readonly seq: number;
  } | null;
  readonly resume_status: 'resumed' | 'pending' | 'failed' | 'skipped';
};

/** An entry that is still open, and who could fill it today. */
export type MissingEntry = {
  readonly key: string;
  readonly kind: Entry['kind'];
  readonly subject: string;
  readonly mandatory: boolean;
  readonly could_fill: readonly { readonly id: string; readonly name: string }[];
};

/** What a review waits for, who could give it, and why it opened. */
export type Explanation = {
  readonly review_id: string;
  readonly status: ReviewStatus;
  /** The version that `missing` is about. */
  readonly version_id: string;
  /** What the review waits for, in one sentence. */
  readonly waiting_for: string;
  readonly opened_because: string;
  /** By when a decision is wanted; null where it is never due. */
  readonly due_at: string | null;
  readonly missing: readonly MissingEntry[];
  /** How many of the missing group entries are needed; the named ones all are. */
  readonly still_needed: number;
  /** The gate by whose rules votes count, as it is stored. */
  readonly gate: JsonObject;
  /** The fact that settled the review, by its `seq`. */
  readonly decision_seq: number | null;
};

/** Something that was recorded of a review, numbered in order. */
export type Fact = {
  readonly seq: number;
  readonly id: string;
  readonly kind: 'vote' | 'withdrawn' | 'reassigned' | 'release_requested' | 'cancelled';
  readonly actor: Actor;
  readonly verdict: 'approved' | 'rejected' | 'revoked' | null;
  readonly version_id: string | null;
  /** The keys of the entries that the vote might fill when it was recorded. */
  readonly fills: readonly string[];
  readonly forced: boolean;
  readonly acting_for: string | null;
  /** The key of the entry that was given to somebody else, and who fills it from then on. */
  readonly entry: string | null;
  readonly to: { readonly kind: 'group' | 'reviewer'; readonly subject: string } | null;
  readonly reason: string | null;
  /** The wire contract that it came by. */
  readonly dialect: string;
  readonly created_at: string;
};

/** One execution of a workflow. */
export type Run = RunBody;

/** Where a run stands. */
export type RunStatus = Run['lifecycle']['status'];

/** What a cancellation was answered with; `cancellation_requested` is durable, and workflows will obey. */
export type CancelRunResponse = {
  readonly run: Run;
  readonly cancellation_status: 'cancelled' | 'cancellation_requested' | 'cancellation_failed';
  readonly redis_available: true;
};

/** What a retry was answered with: the run, which goes on, and the steps that run again. */
export type RetryRunResponse = z.infer<typeof retryResponse>;

/** One execution of a block in a run, with what went in and what came out. */
export type Step = z.infer<typeof step>;

/** An item of a for_each, by its iteration, and how far the blocks of the body have come with it. */
export type LoopItem = z.infer<typeof loopItem>;

/** Where a step stands. */
export type StepStatus = Step['lifecycle']['status'];

/** Something odd about a definition that was stored nevertheless. */
export type Warning = {
  readonly loc: readonly (string | number)[];
  readonly msg: string;
};

/** What storing a definition was answered with. */
export type StoredWorkflow = {
  readonly id: string;
  readonly version_id: string;
  /** The how-manieth version of this workflow it is. */
  readonly version: number;
  readonly warnings: readonly Warning[];
};

/** Somebody by id, with the name that others see. */
export type NamedPerson = { readonly id: string; readonly name: string };

/** An entry of a gate that was checked, and who may fill it today. */
export type CheckedEntry = {
  readonly key: string;
  readonly kind: Entry['kind'];
  readonly subject: string;
  readonly mandatory: boolean;
  /** Of a run that is not theirs. */
  readonly could_fill: readonly NamedPerson[];
};

/** What today's people can make of a gate. */
export type CheckedGate = {
  readonly block_id: string;
  /** Whether they could get a run through that none of them owns. */
  readonly satisfiable: boolean;
  readonly entries: readonly CheckedEntry[];
  readonly could_force: readonly NamedPerson[];
  /** What the gate means for the user who was asked about. */
  readonly for_user: {
    readonly can_fill: readonly string[];
    readonly can_fill_as_owner: readonly string[];
    readonly satisfiable_as_owner: boolean;
  } | null;
};

/** What storing a definition would come to. */
export type CheckedWorkflow = {
  readonly id: string;
  /** The version that it would be stored as. */
  readonly version_id: string;
  /** Whether new runs take this version already. */
  readonly is_current: boolean;
  readonly warnings: readonly Warning[];
  /** Gates that would ask for less than those that new runs take now. */
  readonly weakened: readonly {
    readonly block_id: string;
    readonly changes: readonly string[];
  }[];
  readonly user: NamedPerson | null;
  readonly gates: readonly CheckedGate[];
};

/** A workflow without its blocks. */
export type WorkflowSummary = {
  readonly id: string;
  readonly name: string | null;
  readonly version_id: string;
  readonly version: number;
  readonly created_at: string;
  readonly updated_at: string;
};

/** A workflow with the definition that new runs take. */
export type Workflow = WorkflowSummary & {
  readonly blocks: readonly JsonObject[];
  readonly metadata: JsonObject | null;
};

/** One stored version of a workflow. */
export type WorkflowVersion = {
  readonly id: string;
  readonly workflow_id: string;
  readonly version: number;
  readonly is_current: boolean;
  readonly name: string | null;
  readonly created_by: string;
  readonly created_at: string;
  readonly blocks: readonly JsonObject[];
  readonly metadata: JsonObject | null;
};

/** A snapshot that was stored for a review by reference. */
export type StoredSnapshot = { readonly id: string; readonly size_bytes: number };

/** A stored snapshot with its content. */
export type Snapshot = StoredSnapshot & {
  readonly snapshot: JsonObject;
  readonly created_by: string;
  readonly put_at: string;
};

/** A person of the project. */
export type User = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly slack_id: string;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
  /** Where the groups come from. */
  readonly source: string;
  readonly groups_as_of: string;
  readonly created_at: string;
  readonly updated_at: string;
};

/** What a change to a person leaves behind that wants attention. */
export type UserWarning = {
  readonly code: 'reviews_nobody_can_decide';
  readonly message: string;
  /** How many reviews it is about. */
  readonly count: number;
  /** The first of them. */
  readonly review_ids: readonly string[];
};

/** What storing a person was answered with. */
export type StoredUser = User & { readonly warnings: readonly UserWarning[] };

/** What removing a person was answered with. */
export type RemovedUser = {
  readonly id: string;
  readonly removed: true;
  readonly warnings: readonly UserWarning[];
};

/** A token without its secret. */
export type Token = {
  readonly id: string;
  /** The person it stands for; null for a service's. */
  readonly user_id: string | null;
  readonly service: string | null;
  readonly scopes: readonly Scope[];
  readonly created_by: string;
  readonly created_at: string;
  readonly revoked_at: string | null;
};

/** A token that was just made; `token` is its secret, which is shown only here. */
export type NewToken = Token & { readonly token: string };

/** Whose token it is that a client sends. */
export type Me = {
  readonly kind: 'person' | 'service' | 'system';
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
  readonly scopes: readonly Scope[];
  readonly project_id: string;
};

/** Who did what, and when. */
export type AuditLine = {
  readonly id: string;
  readonly at: string;
  readonly action: string;
  readonly actor_id: string;
  readonly token_id: string | null;
  readonly run_id: string | null;
  readonly review_id: string | null;
  readonly detail: JsonObject;
};
