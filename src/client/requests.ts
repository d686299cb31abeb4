import type { Json, JsonObject, ReviewStatus, Role, RunStatus, Scope, StepStatus } from './wire.js';

/** What every long list can be asked for; `after` is the cursor in `list_metadata` of an earlier page. */
type ListQuery = {
  readonly order?: 'asc' | 'desc' | undefined;
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
};

/** Which reviews to list; by default those that are undecided, oldest first. */
export type ListReviews = ListQuery & {
  readonly decision_status?:
    'pending' | 'approved' | 'rejected' | 'decided' | 'cancelled' | 'all' | undefined;
  readonly workflow_id?: string | undefined;
  readonly run_id?: string | undefined;
  readonly block_id?: string | undefined;
  readonly step_id?: string | undefined;
  readonly iteration_key?: string | undefined;
};

/** Which reviews to look at as they concern the caller; by default those that wait for them, oldest first. */
export type ListInbox = {
  readonly view?: 'waiting' | 'open_to_me' | 'decided_by_me' | 'all' | undefined;
  readonly workflow_id?: string | undefined;
  readonly block_id?: string | undefined;
  readonly run_id?: string | undefined;
  /** Those that still wait for this group. */
  readonly group?: string | undefined;
  readonly status?: ReviewStatus | undefined;
  /** A duration such as `24h`. */
  readonly older_than?: string | undefined;
  /** True: only undecided ones whose `due_at` has passed. */
  readonly overdue?: boolean | undefined;
  readonly search?: string | undefined;
  /** `due`: what is due soonest first, then what is never due. */
  readonly order?: 'oldest' | 'newest' | 'due' | undefined;
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
};

/** Which runs to list; by default all, newest first. */
export type ListRuns = ListQuery & {
  readonly workflow_id?: string | undefined;
  readonly status?: readonly RunStatus[] | undefined;
  readonly exclude_status?: readonly RunStatus[] | undefined;
  readonly trigger_type?:
    'manual' | 'api' | 'schedule' | 'webhook' | 'email' | 'custom' | 'restart' | undefined;
  /** A date or a date and time (RFC 3339). */
  readonly from_date?: string | undefined;
  readonly to_date?: string | undefined;
  /** Part of a run id or of a workflow id. */
  readonly search?: string | undefined;
  /** Metadata of which every part must be in the run's own. */
  readonly metadata?: JsonObject | undefined;
};

/** Which steps to list; by default all, oldest first. */
export type ListSteps = ListQuery & {
  readonly run_id?: string | undefined;
  readonly workflow_id?: string | undefined;
  readonly block_id?: string | undefined;
  readonly step_id?: string | undefined;
  readonly parent_step_id?: string | undefined;
  readonly iteration_key?: string | undefined;
  readonly block_type?:
    readonly ('extract' | 'classifier' | 'split' | 'for_each' | 'task')[] | undefined;
  readonly status?: readonly StepStatus[] | undefined;
};

/** Which lines of the audit to list, oldest first. */
export type ListAudit = {
  readonly run_id?: string | undefined;
  readonly review_id?: string | undefined;
  readonly after?: string | undefined;
  readonly limit?: number | undefined;
};

/** A run to start. */
export type StartRun = {
  readonly workflow_id: string;
  /** What each block is given as its own input, by block id. */
  readonly json_inputs?: Readonly<Record<string, Json>> | undefined;
  /** The user on whose behalf it runs, named by a service or an admin; by default the person who starts it. */
  readonly owner?: string | undefined;
  /** Makes the start repeatable: however often it is sent, the same id starts one run. */
  readonly command_id?: string | undefined;
  readonly metadata?: JsonObject | undefined;
  /** The version that the run is pinned to (`wfv_…`); by default the one stored last. */
  readonly version?: string | undefined;
};

/** What a person says of a block whose outcome is unknown: it did its work and gave this, or it did nothing. */
export type SettleStep =
  { readonly happened: true; readonly output: Json } | { readonly happened: false };

/** A version to add to a review: a complete snapshot, made from another version. */
export type CreateVersion = {
  readonly review_id: string;
  readonly parent_id: string;
  readonly snapshot: JsonObject;
  readonly note?: string | undefined;
  readonly acknowledged_superseded_version_ids?: readonly string[] | undefined;
};

/** What can be said beside an approval. */
export type ApproveOptions = {
  /** Versions that this approval may discard, for a gate that wants them named. */
  readonly acknowledged_superseded_version_ids?: readonly string[] | undefined;
};

/** Why an approval is taken back, and whose. */
export type WithdrawOptions = {
  readonly reason: string;
  /** By default the decision, for its owner and admins; the own approval for everybody else, and while nothing is decided. */
  readonly what?: 'own_approval' | 'decision' | undefined;
  /** What the review is once its decision is withdrawn, by its owner or an admin; by default `revoked`. */
  readonly verdict?: 'rejected' | 'revoked' | undefined;
};

/** Who fills an entry from now on, and why. */
export type ReassignOptions = {
  /** The key of the entry, or its id. */
  readonly entry: string;
  readonly to: { readonly group: string } | { readonly reviewer: string };
  readonly reason: string;
};

/** A workflow definition as its author writes it. */
export type DefinitionRequest = {
  readonly blocks: readonly object[];
  readonly name?: string | null | undefined;
  readonly metadata?: JsonObject | null | undefined;
};

/** A person as an admin states them; groups and roles replace what was known before. */
export type PutUser = {
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly slack_id?: string | undefined;
  /** The admin role, beside the others. */
  readonly admin?: boolean | undefined;
  /** By default `reviewer`. */
  readonly roles?: readonly Role[] | undefined;
};

/** Whom a token stands for: a person, or a service with scopes. */
export type CreateToken =
  { readonly user_id: string } | { readonly service: string; readonly scopes: readonly Scope[] };
