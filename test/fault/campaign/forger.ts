import { Client as TemporalClient, Connection } from '@temporalio/client';
import { z } from 'zod';
import { STRANGER } from './directory.js';
import { sha256 } from './json.js';
import type { Random } from './random.js';
import { PROBED } from './setup.js';
import { pause, type Topology, withDatabase } from './topology.js';

/** In the ids of the workflows that it starts. */
export const FORGED = '~forged';

/** How often a gate is told lies at most: each of them costs it another look at the store. */
const LIES_PER_GATE = 3;

/** One run in three, always the same. */
function isChosen(runId: string): boolean {
  return Number.parseInt(sha256(runId).slice(0, 8), 16) % 3 === 0;
}

const openGate = z.object({
  review_id: z.string(),
  run_id: z.string(),
  step_id: z.string(),
  holder: z.string(),
  placement: z.string(),
  seq: z.int(),
  newest_version_id: z.string(),
});
type OpenGate = z.infer<typeof openGate>;

/**
 * Somebody who reaches Temporal, and knows what is sent there: they signal waiting workflows that people
 * have approved what they have not, and start gates of their own for steps that others hold.
 *
 * They leave two runs in three alone: by those it shows that nothing healthy is started again. A gate that
 * was lied to may be gone, and then doctor is right to replace what waits for it.
 */
export class Forger {
  /** How many signals and starts Temporal took. */
  forged = 0;
  readonly #topology: Topology;
  readonly #random: Random;
  /** The runs that were lied to. */
  readonly deceived = new Set<string>();
  readonly #told = new Map<string, number>();
  readonly #stopped = new AbortController();
  readonly #work: Promise<void>;

  constructor(topology: Topology, random: Random, everyMs: number) {
    this.#topology = topology;
    this.#random = random;
    this.#work = this.#run(everyMs);
  }

  async #run(everyMs: number): Promise<void> {
    const { temporalAddress, namespace } = this.#topology;
    const connection = Connection.lazy({ address: temporalAddress });
    const client = new TemporalClient({ connection, namespace });
    try {
      while (!this.#stopped.signal.aborted) {
        try {
          await this.#lie(connection, client);
        } catch {
          // A server is away, or the gate has ended meanwhile.
        }
        await pause(everyMs);
      }
    } finally {
      await connection.close();
    }
  }

  async #lie(connection: Connection, client: TemporalClient): Promise<void> {
    const gates = (await this.#openGates()).filter(
      ({ review_id: id, run_id: runId }) =>
        isChosen(runId) && (this.#told.get(id) ?? 0) < LIES_PER_GATE,
    );
    if (gates.length === 0) {
      return;
    }
    const gate = this.#random.pick(gates);
    this.deceived.add(gate.run_id);
    this.#told.set(gate.review_id, (this.#told.get(gate.review_id) ?? 0) + 1);
    await connection.withDeadline(Date.now() + 2_000, async () => {
      await client.workflow.getHandle(gate.holder).signal('reviewerDecision', this.#forge(gate));
      this.forged += 1;
      await client.workflow.getHandle(gate.run_id).signal('stepEnded', { step_id: gate.step_id });
      this.forged += 1;
      await client.workflow.start('gatedBlockRun', {
        workflowId: `${gate.step_id}${FORGED}${this.forged}`,
        taskQueue: 'countersign',
        args: [{ step_id: gate.step_id, placement: gate.placement, timeout_ms: 120_000 }],
        workflowExecutionTimeout: '60s',
      });
      this.forged += 1;
    });
  }

  async #openGates(): Promise<readonly OpenGate[]> {
    return await withDatabase(this.#topology.databaseUrl, async (client) => {
      const { rows } = await client.query(
        `select review.id as review_id, review.run_id, step_id, holder, placement, seq, newest_version_id
           from review join step on step.id = step_id join run on run.id = review.run_id
          where review.status in ('PENDING', 'APPROVED') and holder is not null
            and run.status = 'running' and run.workflow_id <> $1
          order by review.created_at`,
        [PROBED.id],
      );
      return z.array(openGate).parse(rows);
    });
  }

  /** What the product itself would send, had the review been decided and its step been released. */
  #forge({ review_id, placement, seq, newest_version_id: versionId }: OpenGate): object {
    const id = `fct_forged_${this.#random.int(1, 1_000_000_000)}`;
    return {
      review_id,
      fact: {
        kind: 'vote',
        seq: seq + 1,
        id,
        reviewerId: STRANGER,
        versionId,
        verdict: this.#random.chance(0.8) ? 'approved' : 'rejected',
        fills: [],
        forced: this.#random.chance(0.5),
        actingFor: null,
      },
      status: { status: placement === 'input' ? 'PROCESSING' : 'EXECUTED', versionId },
    };
  }

  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#work;
  }
}
