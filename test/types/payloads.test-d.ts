import { expectTypeOf } from 'vitest';
import type { Inbox } from '../../src/domain/admit.js';
import type { BlockInput, BlockResult, Definition, Gate } from '../../src/domain/definition.js';
import type {
  Fact,
  NewFact,
  ReleaseRequested,
  ReviewCancelled,
  VoteRecorded,
} from '../../src/domain/facts.js';
import type { Json, JsonObject } from '../../src/domain/json.js';
import type { DeliveredStatus, ReviewerDecision } from '../../src/domain/messages.js';
import type {
  Blocked,
  BlockOrder,
  Ended,
  GateEnd,
  GateOrder,
  RunEnd,
  RunOrder,
  StepEnd,
} from '../../src/domain/orders.js';
import type { Voter } from '../../src/domain/people.js';
import type { Entry, Policy } from '../../src/domain/policy.js';
import type { Refusal } from '../../src/domain/refusals.js';
import type { Decision, ReviewState } from '../../src/domain/review-state.js';

// Temporal's payload converter is JSON: what is not JSON arrives as something else, without a word.

// The signal, and what it is made of.
expectTypeOf<ReviewerDecision>().toExtend<Json>();
expectTypeOf<DeliveredStatus>().toExtend<Json>();
expectTypeOf<Fact>().toExtend<Json>();
expectTypeOf<NewFact>().toExtend<Json>();
expectTypeOf<VoteRecorded>().toExtend<Json>();
expectTypeOf<ReleaseRequested>().toExtend<Json>();
expectTypeOf<ReviewCancelled>().toExtend<Json>();

// What workflows are started with, ask of activities, and end with.
expectTypeOf<RunOrder>().toExtend<Json>();
expectTypeOf<BlockOrder>().toExtend<Json>();
expectTypeOf<GateOrder>().toExtend<Json>();
expectTypeOf<StepEnd>().toExtend<Json>();
expectTypeOf<Ended<GateEnd>>().toExtend<Json>();
expectTypeOf<Blocked>().toExtend<Json>();
expectTypeOf<GateEnd>().toExtend<Json>();
expectTypeOf<RunEnd>().toExtend<Json>();

// What a gate is opened with, what its workflow folds, and what may be carried over.
expectTypeOf<Policy>().toExtend<Json>();
expectTypeOf<Entry>().toExtend<Json>();
expectTypeOf<ReviewState>().toExtend<Json>();
expectTypeOf<Decision>().toExtend<Json>();
expectTypeOf<Inbox>().toExtend<Json>();

// What is stored and answered as JSON.
expectTypeOf<Definition>().toExtend<JsonObject>();
expectTypeOf<Gate>().toExtend<JsonObject>();
expectTypeOf<BlockInput>().toExtend<JsonObject>();
expectTypeOf<BlockResult>().toExtend<JsonObject>();
expectTypeOf<Refusal>().toExtend<JsonObject>();
expectTypeOf<Voter>().toExtend<JsonObject>();

// A Date arrives as a string, a Map and a Set as {}, an undefined not at all; a bigint throws.
expectTypeOf<Date>().not.toExtend<Json>();
expectTypeOf<Map<string, string>>().not.toExtend<Json>();
expectTypeOf<Set<string>>().not.toExtend<Json>();
expectTypeOf<undefined>().not.toExtend<Json>();
expectTypeOf<bigint>().not.toExtend<Json>();
expectTypeOf<symbol>().not.toExtend<Json>();
expectTypeOf<() => void>().not.toExtend<Json>();
expectTypeOf<Error>().not.toExtend<Json>();
expectTypeOf<Uint8Array>().not.toExtend<Json>();
expectTypeOf<unknown>().not.toExtend<Json>();

// Nor do they anywhere inside.
expectTypeOf<{ at: Date }>().not.toExtend<Json>();
expectTypeOf<{ votes: ReadonlyMap<string, VoteRecorded> }>().not.toExtend<Json>();
expectTypeOf<{ reason: string | undefined }>().not.toExtend<Json>();
expectTypeOf<readonly [Date]>().not.toExtend<Json>();
expectTypeOf<VoteRecorded & { at: Date }>().not.toExtend<Json>();
expectTypeOf<Omit<ReviewerDecision, 'fact'> & { fact: Fact | undefined }>().not.toExtend<Json>();

// An interface has no implicit index signature: payloads are declared with `type`.
interface Declared {
  readonly id: string;
}
expectTypeOf<Declared>().not.toExtend<Json>();
expectTypeOf<Pick<Declared, 'id'>>().toExtend<Json>();

// An object is told from every other JSON value.
expectTypeOf<JsonObject>().toExtend<Json>();
expectTypeOf<readonly Json[]>().not.toExtend<JsonObject>();
expectTypeOf<null>().not.toExtend<JsonObject>();
