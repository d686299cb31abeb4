import type { ColumnType, Generated, Selectable } from 'kysely';
import type { BlockType, Gate, Placement, Predicate } from '../domain/definition.js';
import type { Fact, Verdict } from '../domain/facts.js';
import type { Role, Scope } from '../domain/people.js';
import type { Assignee, Policy } from '../domain/policy.js';
import type { ReviewStatus, RunStatus, StepStatus, VotedStatus } from '../domain/statuses.js';
import type { TimeWindow } from '../domain/time-window.js';
import type * as generated from './schema.js';

/** A jsonb column that is written as text and read as `T`. */
type JsonOf<T> = ColumnType<T, string, string>;

type Narrow<Table, Columns> = Omit<Table, keyof Columns> & Columns;

/**
 * The tables as queries see them: `schema.ts`, which is generated from the migrated database, with
 * the columns narrowed that CHECK constraints hold to a closed set (a test compares the two).
 */
export type Tables = Narrow<
  generated.DB,
  {
    entry: Narrow<
      generated.Entry,
      { kind: 'group' | 'reviewer' | 'anyone'; status: Generated<VotedStatus> }
    >;
    fact: Narrow<
      generated.Fact,
      {
        kind: Fact['kind'];
        toKind: Assignee['kind'] | null;
        actorKind: 'person' | 'service' | 'system';
        verdict: Verdict | null;
      }
    >;
    outbox: Narrow<
      generated.Outbox,
      {
        kind: 'start' | 'restart' | 'signal' | 'cancel';
        state: Generated<'pending' | 'failed'>;
      }
    >;
    person: Narrow<generated.Person, { roles: Generated<Role[]> }>;
    review: Narrow<
      generated.Review,
      {
        blockType: BlockType;
        placement: Placement;
        gate: JsonOf<Gate>;
        policy: JsonOf<Policy>;
        triggeredBy: JsonOf<Predicate>;
        status: Generated<ReviewStatus>;
        verdict: 'approved' | 'rejected' | null;
        timeWindow: ColumnType<TimeWindow | null, string | null, string | null>;
      }
    >;
    run: Narrow<generated.Run, { kind: 'workflow' | 'external'; status: Generated<RunStatus> }>;
    step: Narrow<generated.Step, { blockType: BlockType; status: Generated<StepStatus> }>;
    token: Narrow<generated.Token, { scopes: Generated<Scope[]> }>;
    version: Narrow<
      generated.Version,
      {
        origin: 'model_output' | 'human_edit' | 'agent_edit' | 'revert';
        authorKind: 'human' | 'agent' | 'model';
      }
    >;
  }
>;

/** Rows as they are read. */
export type EntryRow = Selectable<Tables['entry']>;
export type HoldRow = Selectable<Tables['hold']>;
export type ExternalRunRow = Selectable<Tables['externalRun']>;
export type FactRow = Selectable<Tables['fact']>;
export type OutboxRow = Selectable<Tables['outbox']>;
export type PersonRow = Selectable<Tables['person']>;
export type ReviewRow = Selectable<Tables['review']>;
export type RunRow = Selectable<Tables['run']>;
export type SnapshotRow = Selectable<Tables['snapshot']>;
export type StepRow = Selectable<Tables['step']>;
export type TokenRow = Selectable<Tables['token']>;
export type VersionRow = Selectable<Tables['version']>;
export type WorkflowVersionRow = Selectable<Tables['workflowVersion']>;
export type AuditRow = Selectable<Tables['audit']>;
