import type {
  Entry,
  InboxItem,
  JsonObject,
  LoopItem,
  Page,
  Review,
  ReviewStatus,
  Role,
  Run,
  Step,
} from '../../../src/client/index.js';
import type { Block, Gate } from '../../../src/domain/definition.js';

// What the inbox's own routes answer. Whatever the client of the API has a type for is taken from there.

export type {
  Actor,
  Entry,
  Explanation,
  Fact,
  Json,
  JsonObject,
  LoopItem,
  Review,
  ReviewStatus,
  Run,
  RunStatus,
  Step,
  StepStatus,
  SubmitResponse,
  Version,
  WorkflowSummary,
  WorkflowVersion,
} from '../../../src/client/index.js';
export type { Page } from '../../../src/client/index.js';
export type { Block, Gate };

/** Items of a for_each in their order, and how all of them stand. */
export type LoopItems = Page<LoopItem> & {
  readonly counts: { readonly items: number; readonly waiting: number; readonly ended: number };
};

/** Whoever is signed in. */
export type SessionPerson = {
  readonly id: string;
  readonly name: string;
  readonly email: string;
  readonly groups: readonly string[];
  readonly roles: readonly Role[];
};

/** Who is signed in, how one signs in here, and what the server is. */
export type Session = {
  readonly person: SessionPerson | null;
  readonly sign_in: {
    readonly oidc: { readonly label: string; readonly url: string } | null;
    readonly links: boolean;
  };
  readonly temporal_ui_url: string | null;
  readonly version: string;
};

/** Whom a one-time link signs in, and until when. */
export type SignInLink = {
  readonly person: { readonly id: string; readonly name: string };
  readonly expires_at: string;
};

/** Which reviews a queue shows. */
export type InboxView = 'waiting' | 'open_to_me' | 'decided_by_me' | 'all';

/** What became of telling the waiting workflow. */
export type ResumeStatus = 'resumed' | 'pending' | 'failed' | 'skipped';

/** How the person who looks has voted, if that still stands. */
export type OwnVote = {
  readonly verdict: 'approved' | 'rejected' | 'revoked';
  readonly version_id: string;
  readonly seq: number;
};

/** One row of the queue. */
export type InboxRow = InboxItem;

/** How many reviews each view has, counted up to `capped_at`. */
export type InboxCounts = Readonly<Record<InboxView, number>> & { readonly capped_at: number };

/** What a queue can be filtered by. */
export type InboxFacets = {
  readonly workflows: readonly {
    readonly id: string;
    readonly name: string | null;
    readonly count: number;
  }[];
  readonly blocks: readonly {
    readonly workflow_id: string;
    readonly block_id: string;
    readonly count: number;
  }[];
  readonly groups: readonly { readonly name: string; readonly count: number }[];
};

/** Whether somebody may do something now, or in one sentence why not. */
export type May = { readonly allowed: boolean; readonly why_not: string | null };

/** What the person who looks may do with a review. */
export type MyPart = {
  readonly can_fill: readonly string[];
  readonly vote: OwnVote | null;
} & Readonly<
  Record<'approve' | 'reject' | 'correct' | 'take_back' | 'withdraw' | 'release' | 'reassign', May>
>;

/** Everything that the page of one review shows beside versions and votes. */
export type ReviewContext = {
  readonly review: Review;
  /** By when a decision is wanted; null where it is never due. */
  readonly due_at: string | null;
  readonly gate: Gate;
  readonly block: {
    readonly id: string;
    readonly type: Block['type'];
    readonly label: string | null;
    readonly json_schema: JsonObject | null;
    readonly categories: readonly string[] | null;
    readonly allow_overlap: boolean;
  };
  readonly workflow: {
    readonly id: string;
    readonly name: string | null;
    readonly version_id: string;
  };
  readonly run: {
    readonly id: string;
    readonly status: string;
    readonly owner_id: string | null;
    readonly owner_name: string | null;
    readonly temporal_url: string | null;
  };
  readonly step: {
    readonly id: string;
    readonly status: string;
    readonly source: string | null;
    readonly error_message: string | null;
    readonly outcome_unknown: boolean;
    readonly waiting_for: string | null;
    readonly votes: readonly { readonly category: string; readonly count: number }[] | null;
  };
  readonly fired_paths: readonly string[];
  readonly my: MyPart;
  readonly resume: { readonly status: ResumeStatus; readonly error: string | null };
  readonly release_at: string | null;
  readonly neighbours: { readonly previous: string | null; readonly next: string | null };
};

/** What Temporal is owed, and how that goes. */
export type Operations = {
  readonly owed: {
    readonly pending: number;
    readonly oldest_seconds: number | null;
    readonly failed: number;
  };
  readonly messages: readonly {
    readonly id: string;
    readonly kind: 'signal' | 'start' | 'restart' | 'cancel';
    readonly run_id: string;
    readonly review_id: string | null;
    readonly state: 'pending' | 'failed';
    readonly attempts: number;
    readonly age_seconds: number;
    readonly last_error: string | null;
  }[];
  readonly reconciler: {
    readonly temporal: 'reachable' | 'away' | 'unknown';
    readonly since: string | null;
  };
  readonly unknown_outcomes: readonly {
    readonly step_id: string;
    readonly run_id: string;
    readonly ended_at: string | null;
  }[];
  readonly missing_functions: readonly {
    readonly step_id: string;
    readonly run_id: string;
    readonly message: string;
  }[];
};

/** What doctor found, or why it could not look. */
export type Diagnosis = {
  readonly temporal_error: string | null;
  /** Whether everything was looked at. */
  readonly complete: boolean;
  readonly findings: readonly {
    readonly code: string;
    readonly run_id: string | null;
    readonly review_id: string | null;
    readonly message: string;
    readonly can_be_mended: boolean;
  }[];
};

/** Something that changed: what it is, never what it says. */
export type Change = {
  readonly kind: 'review' | 'run' | 'step' | 'definition';
  readonly id: string;
  readonly run_id: string | null;
};

/** A status of anything that has one. */
export type AnyStatus =
  ReviewStatus | Entry['status'] | Run['lifecycle']['status'] | Step['lifecycle']['status'];
