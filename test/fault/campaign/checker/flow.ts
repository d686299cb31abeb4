import { type Block, type Gate, opensOn, UNDO_SECONDS } from '../definitions.js';
import { answerOf, type Execution } from '../executions.js';
import { canonical, isList, type Json, type JsonObject, parseJson } from '../json.js';
import type { Breach } from '../watch.js';
import type { StartedRun } from '../workload.js';
import type { Index } from './evidence.js';
import type { StepRow } from './facts.js';
import type { JudgedReview } from './votes.js';

/** What a step hands on, by the checker's own reckoning. */
type Flow =
  /** Canonical text, and from when on it might flow (in milliseconds since 1970). */
  | { readonly kind: 'flows'; readonly text: string; readonly since: number }
  /** Its reviewers refused it, or it stands behind such a one: nothing of it flows, as null. */
  | { readonly kind: 'skipped'; readonly since: number }
  /** It has not ended so that anything might flow. */
  | { readonly kind: 'nothing' };

/** Clocks of one machine; a database keeps whole milliseconds. */
const CLOCK_MS = 2;

/**
 * Follows what flows through a run, block by block, from its inputs and from what people approved.
 *
 * Every output is reckoned anew: what a block was given has to be just that, and nothing may have begun
 * before it was allowed to.
 */
export class FlowOfRun {
  readonly breaches: Breach[] = [];
  readonly #run: StartedRun;
  readonly #index: Index;
  readonly #reviews: ReadonlyMap<string, JudgedReview>;
  readonly #steps: ReadonlyMap<string, StepRow>;
  readonly #runStatus: string;

  constructor(
    run: StartedRun,
    runStatus: string,
    index: Index,
    reviews: ReadonlyMap<string, JudgedReview>,
  ) {
    this.#run = run;
    this.#runStatus = runStatus;
    this.#index = index;
    this.#reviews = reviews;
    this.#steps = new Map((index.stepsOfRun.get(run.id) ?? []).map((step) => [step.id, step]));
  }

  judge(): void {
    this.#follow(this.#run.workflow.blocks, null, null, new Map());
  }

  #breach(promise: string, what: string): void {
    this.breaches.push({ promise, what });
  }

  /** Follows blocks in their order; gives what each hands on. */
  #follow(
    blocks: readonly Block[],
    item: Json,
    iterationKey: string | null,
    around: ReadonlyMap<string, Flow>,
  ): ReadonlyMap<string, Flow> {
    const flows = new Map(around);
    for (const block of blocks) {
      const input = iterationKey === null ? (this.#run.inputs[block.id] ?? null) : item;
      flows.set(block.id, this.#followBlock(block, input, iterationKey, flows));
    }
    return flows;
  }

  #followBlock(
    block: Block,
    input: Json,
    iterationKey: string | null,
    flows: ReadonlyMap<string, Flow>,
  ): Flow {
    const stepId = `${this.#run.id}_${block.id}${iterationKey === null ? '' : `@${iterationKey}`}`;
    const step = this.#steps.get(stepId);
    const executions = this.#index.executionsOfStep.get(stepId) ?? [];
    this.#judgeRepeats(block, stepId, executions);
    const needs = block.needs.map((id) => [id, flows.get(id) ?? { kind: 'nothing' }] as const);
    const unready = needs.filter(([, flow]) => flow.kind === 'nothing').map(([id]) => id);
    if (unready.length > 0) {
      this.#judgeIdle(stepId, executions, `before ${unready.join(' and ')} had ended`);
      return { kind: 'nothing' };
    }
    const allowedSince = Math.max(
      0,
      ...needs.map(([, flow]) => ('since' in flow ? flow.since : 0)),
    );
    const given = canonical({
      input,
      blocks: Object.fromEntries(
        needs.map(([id, flow]): [string, Json] => [
          id,
          flow.kind === 'flows' ? parseJson(flow.text) : null,
        ]),
      ),
    });
    const review = this.#reviewOf(stepId);
    if (block.gate?.placement === 'input') {
      return this.#afterInputGate(block, block.gate, {
        stepId,
        step,
        executions,
        review,
        given,
        allowedSince,
      });
    }
    this.#judgeGiven(stepId, executions, given, allowedSince);
    const output =
      block.work === 'supplied' ? canonical(input) : canonical(answerOf(block.work, stepId, given));
    this.#judgeStored(block, step, executions, output);
    if (block.gate !== null) {
      return this.#afterOutputGate(block.gate, { stepId, step, review, output });
    }
    if (block.body !== null) {
      return this.#afterLoop(block.body, step, input, flows);
    }
    return endedFlow(step, output);
  }

  #reviewOf(stepId: string): JudgedReview | null {
    const row = this.#index.reviewOfStep.get(stepId);
    return row === undefined ? null : (this.#reviews.get(row.id) ?? null);
  }

  #afterInputGate(
    block: Block,
    gate: Gate,
    about: {
      readonly stepId: string;
      readonly step: StepRow | undefined;
      readonly executions: readonly Execution[];
      readonly review: JudgedReview | null;
      readonly given: string;
      readonly allowedSince: number;
    },
  ): Flow {
    const { stepId, step, executions, review, given, allowedSince } = about;
    if (review === null) {
      this.#judgeIdle(stepId, executions, 'behind a gate that has not opened');
      return step?.status === 'skipped'
        ? { kind: 'skipped', since: timeOf(step) }
        : { kind: 'nothing' };
    }
    this.#judgeSeed(review, given);
    const { status } = review.standing;
    if (status !== 'APPROVED') {
      this.#judgeIdle(stepId, executions, `and its input is ${status}`);
      return step?.status === 'skipped'
        ? { kind: 'skipped', since: timeOf(step) }
        : { kind: 'nothing' };
    }
    const releasedSince = releaseOf(gate, review);
    if (releasedSince === null) {
      this.#judgeIdle(stepId, executions, 'and nobody had asked for its release');
      return { kind: 'nothing' };
    }
    this.#judgeGiven(stepId, executions, given, Math.max(allowedSince, releasedSince));
    const output = canonical(answerOf(block.work, stepId, given));
    this.#judgeStored(block, step, executions, output);
    return endedFlow(step, output);
  }

  #afterOutputGate(
    gate: Gate,
    about: {
      readonly stepId: string;
      readonly step: StepRow | undefined;
      readonly review: JudgedReview | null;
      readonly output: string;
    },
  ): Flow {
    const { stepId, step, review, output } = about;
    const opens = opensOn(gate, parseJson(output));
    if (review === null) {
      if (opens && step?.status === 'completed') {
        this.#breach('2', `step ${stepId} completed, and its gate never opened`);
      }
      return endedFlow(step, output);
    }
    if (!opens) {
      this.#breach('2', `step ${stepId}: its gate opened, and its predicate does not fire`);
    }
    this.#judgeSeed(review, output);
    const { status, versionId } = review.standing;
    if (status === 'APPROVED') {
      const text = (this.#index.versionsOfReview.get(review.row.id) ?? []).find(
        ({ id }) => id === versionId,
      )?.snapshot;
      const since = releaseOf(gate, review);
      return text === undefined || since === null || step?.status !== 'completed'
        ? { kind: 'nothing' }
        : { kind: 'flows', text, since };
    }
    if (step?.status === 'completed') {
      this.#breach('2', `step ${stepId} completed, and its review is ${status} by its facts`);
    }
    return step?.status === 'skipped'
      ? { kind: 'skipped', since: settledAt(review) }
      : { kind: 'nothing' };
  }

  #afterLoop(
    body: readonly Block[],
    step: StepRow | undefined,
    input: Json,
    flows: ReadonlyMap<string, Flow>,
  ): Flow {
    const items = isList(input) ? input : [];
    const last = body.at(-1)?.id ?? '';
    const kept: JsonObject[] = [];
    let since = 0;
    for (const [place, item] of items.entries()) {
      const inside = this.#follow(body, item, `${place}`, flows);
      const flow = inside.get(last) ?? { kind: 'nothing' };
      since = Math.max(since, 'since' in flow ? flow.since : 0);
      if (!this.#isDropped(body, place)) {
        kept.push({
          item,
          iteration_key: `${place}`,
          output: flow.kind === 'flows' ? parseJson(flow.text) : null,
        });
      }
    }
    const text = canonical({ iterations: kept });
    if (step?.status === 'completed' && step.collected !== null && step.collected !== text) {
      this.#breach('4', `step ${step.id} collected other outputs than its iterations gave`);
    }
    return step?.status === 'completed' ? { kind: 'flows', text, since } : { kind: 'nothing' };
  }

  /** Whether a refusal drops the iteration at a place. */
  #isDropped(body: readonly Block[], place: number): boolean {
    return body.some(({ id, gate }) => {
      const review = this.#reviewOf(`${this.#run.id}_${id}@${place}`);
      const { status, settledBy } = review?.standing ?? { status: 'PENDING', settledBy: null };
      const isByVote = review?.facts.some(({ seq, kind }) => seq === settledBy && kind === 'vote');
      return (
        gate?.on_reject === 'drop' &&
        isByVote === true &&
        (status === 'REJECTED' || status === 'REVOKED')
      );
    });
  }

  #judgeRepeats(block: Block, stepId: string, executions: readonly Execution[]): void {
    const begun = executions.filter(({ event }) => event === 'begun');
    if (!block.repeatable && begun.length > 1) {
      this.#breach(
        '3',
        `step ${stepId} must not be repeated, and its block ran ${begun.length} times`,
      );
    }
  }

  #judgeIdle(stepId: string, executions: readonly Execution[], why: string): void {
    if (executions.length > 0) {
      this.#breach('2', `step ${stepId}: its block was executed ${why}`);
    }
  }

  /** Whether a block was given what it should be, and not before it might be. */
  #judgeGiven(
    stepId: string,
    executions: readonly Execution[],
    given: string,
    allowedSince: number,
  ): void {
    for (const execution of executions) {
      if (execution.given !== given) {
        this.#breach(
          '4',
          `step ${stepId} was given ${execution.given}, and what was approved is ${given}`,
        );
      }
      if (execution.at + CLOCK_MS < allowedSince) {
        this.#breach(
          '2',
          `step ${stepId} was executed ${allowedSince - execution.at} ms before what it needs was released`,
        );
      }
    }
  }

  #judgeSeed({ row }: JudgedReview, text: string): void {
    const seed = (this.#index.versionsOfReview.get(row.id) ?? []).find(
      ({ ordinal }) => ordinal === 0,
    );
    if (seed?.snapshot !== text) {
      this.#breach(
        '4',
        `review ${row.id} shows ${seed?.snapshot ?? 'nothing'} where its block came to ${text}`,
      );
    }
  }

  /** Whether the stored end of a block is true: it ran if it is said to have run, and gave what is stored. */
  #judgeStored(
    block: Block,
    step: StepRow | undefined,
    executions: readonly Execution[],
    output: string,
  ): void {
    if (step === undefined || block.type === 'for_each') {
      return;
    }
    const hasAnswered = executions.some(({ event }) => event === 'answered');
    const isOfFunction = block.work !== 'supplied';
    if (step.status === 'completed' && isOfFunction && !hasAnswered) {
      this.#breach('3', `step ${step.id} is completed, and its block never answered`);
    }
    if (step.output !== null && step.output !== output && this.#runStatus !== 'error') {
      this.#breach(
        '4',
        `step ${step.id} is stored with ${step.output}, and its block gave ${output}`,
      );
    }
  }
}

/** From when on an approved step might go on; null while nobody had asked for it. */
function releaseOf(gate: Gate, review: JudgedReview): number | null {
  const decidedAt = settledAt(review);
  if (gate.release === 'manual') {
    const asked = review.facts.find(({ seq }) => seq === review.standing.releasedBy);
    return asked === undefined ? null : Math.max(decidedAt, asked.created_at.getTime());
  }
  return gate.release === 'auto' ? decidedAt : decidedAt + UNDO_SECONDS * 1_000;
}

function settledAt({ facts, standing }: JudgedReview): number {
  return facts.find(({ seq }) => seq === standing.settledBy)?.created_at.getTime() ?? 0;
}

function endedFlow(step: StepRow | undefined, text: string): Flow {
  switch (step?.status) {
    case 'completed':
      return { kind: 'flows', text, since: 0 };
    case 'skipped':
      return { kind: 'skipped', since: 0 };
    default:
      return { kind: 'nothing' };
  }
}

function timeOf(step: StepRow): number {
  return step.ended_at?.getTime() ?? 0;
}
