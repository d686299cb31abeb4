import { type Assignee, canBeCompleted, entriesFor, entryKeys, mayVote } from './checker/rules.js';
import { blockOf, drawContent, drawInputs, type Gate, type Workflow } from './definitions.js';
import {
  type Ballot,
  cancel,
  correct,
  DIALECTS,
  read,
  readOverlay,
  reassign,
  release,
  seenIn,
  start,
  takeBack,
  type Tokens,
  voteIn,
  voteOnOverlay,
  withdraw,
} from './dialects.js';
import { ADMIN, FORCE_GROUP, GROUPS, OWNERS, PEOPLE, type Person, STRANGER } from './directory.js';
import {
  canonical,
  isObject,
  type Json,
  type JsonObject,
  listAt,
  sha256,
  textAt,
  valueAt,
} from './json.js';
import type { Random } from './random.js';
import type { Clients, Exchange, Request } from './requests.js';
import { pause } from './topology.js';

/** A run that was started, and what is known of it whatever the store says. */
export type StartedRun = {
  readonly id: string;
  readonly workflow: Workflow;
  readonly ownerId: string;
  readonly inputs: JsonObject;
};

/** What people do, and to which installation. */
export type Workload = {
  readonly clients: Clients;
  readonly tokens: Tokens;
  readonly random: Random;
  /** Given up when the campaign is over for good, finished or not. */
  readonly deadline: () => number;
};

const LOOK_AGAIN_MS = 800;
const AGAIN_AFTER_MS = 400;
const IMPATIENCE_MS = [150, 2_000] as const;

/** Starts one run and lets people decide until it has ended; gives the run, or null when it could not be started in time. */
export async function liveRun(
  workload: Workload,
  workflow: Workflow,
  name: string,
  onStarted: (run: StartedRun) => void,
): Promise<boolean> {
  const random = workload.random.fork(name);
  const ownerId = random.pick(OWNERS);
  const inputs = drawInputs(random, workflow);
  const begun = await insist(workload, random.fork('start'), () =>
    start(workload.tokens, { workflowId: workflow.id, inputs, by: ownerId, commandId: name }),
  );
  const id = textAt(begun?.body, 'id');
  if (begun?.meaning === 'refused') {
    throw new Error(`a run could not be started: ${JSON.stringify(begun.body)}`);
  }
  if (id === null) {
    return false;
  }
  const run = { id, workflow, ownerId, inputs };
  onStarted(run);
  const cancelsAfterMs = random.chance(0.1) ? random.int(500, 6_000) : null;
  const cancelling =
    cancelsAfterMs === null ? null : cancelLater(workload, random, run, cancelsAfterMs);
  const taken = new Map<string, Promise<void>>();
  let hasEnded = false;
  while (!hasEnded && Date.now() < workload.deadline()) {
    const looked = await look(
      workload,
      random,
      `/v1/workflows/reviews?run_id=${id}&decision_status=all&limit=200`,
    );
    for (const review of listAt(looked, 'data')) {
      const reviewId = textAt(review, 'id');
      if (reviewId !== null && !taken.has(reviewId)) {
        taken.set(reviewId, decideReview(workload, run, review));
      }
    }
    await pause(LOOK_AGAIN_MS);
    const shown = await look(workload, random, `/v1/workflows/runs/${id}`);
    hasEnded = textAt(shown, 'timing', 'completed_at') !== null;
  }
  await Promise.all([...taken.values(), cancelling]);
  if (hasEnded && random.chance(0.15)) {
    await cancelLater(workload, random, run, 0); // too late: a run that has ended stays as it is
  }
  return hasEnded;
}

async function cancelLater(
  workload: Workload,
  random: Random,
  { id: runId, ownerId: by }: StartedRun,
  afterMs: number,
): Promise<void> {
  const own = random.fork('cancel');
  await pause(afterMs);
  await insist(workload, own, () =>
    cancel(workload.tokens, { runId, by }, own.pick(['retab', 'velt'])),
  );
}

/** What a read tells; undefined when it tells nothing for now. */
async function look({ clients, tokens }: Workload, random: Random, path: string): Promise<unknown> {
  const { body, status } = await clients.send(random.pick(clients.apis), read(tokens, ADMIN, path));
  return status === 200 ? body : undefined;
}

/**
 * Sends a request until it is answered, to whichever API, as a careful client would.
 *
 * Now and then the first client is impatient, and hangs up before the answer; or two of them send the same at once.
 */
async function insist(
  { clients, deadline }: Workload,
  random: Random,
  request: () => Request,
): Promise<Exchange | null> {
  const isDoubled = random.chance(0.2);
  const patienceMs = random.chance(0.15) ? random.int(...IMPATIENCE_MS) : null;
  for (let isFirst = true; Date.now() < deadline(); isFirst = false) {
    const sent = request();
    const patient = isFirst && patienceMs !== null ? { ...sent, patienceMs } : sent;
    // To both APIs; where there is but one, twice to that.
    const apis =
      isFirst && isDoubled
        ? [clients.apis.at(0), clients.apis.at(-1)].flatMap((api) => api ?? [])
        : [random.pick(clients.apis)];
    const exchanges = await Promise.all(apis.map((api) => clients.send(api, patient)));
    const answered = exchanges.find(({ status }) => status !== null && status < 500);
    if (answered !== undefined) {
      return answered;
    }
    await pause(AGAIN_AFTER_MS);
  }
  return null;
}

/** A review that people have taken up. */
type Taken = {
  readonly workload: Workload;
  readonly run: StartedRun;
  readonly random: Random;
  readonly gate: Gate;
  readonly reviewId: string;
  readonly stepId: string;
  readonly seedId: string;
  /** Snapshots by version, as people were shown or have written them. */
  readonly snapshots: Map<string, Json>;
  /** The entries that were given to somebody else. */
  readonly given: Map<string, Assignee>;
};

/** Lets people decide one review as the seed would have it, and once it is decided, lets it go on. */
async function decideReview(workload: Workload, run: StartedRun, shown: unknown): Promise<void> {
  const reviewId = textAt(shown, 'id') ?? '';
  const stepId = textAt(shown, 'step_id') ?? '';
  const seedId = textAt(shown, 'newest_version_id') ?? '';
  const { gate } = blockOf(run.workflow, textAt(shown, 'block_id') ?? '');
  if (gate === null) {
    return; // a review without a gate is for the checker to find
  }
  // The step and not the review names the fork: ids of reviews differ from one campaign to the next.
  const random = workload.random.fork(`decide ${run.workflow.id} ${stepId.slice(run.id.length)}`);
  const taken: Taken = {
    workload,
    run,
    random: random.fork(sha256(canonical(run.inputs))),
    gate,
    reviewId,
    stepId,
    seedId,
    snapshots: new Map(),
    given: new Map(),
  };
  const outcome = taken.random.weighted([
    ['approve', 80],
    ['reject', 18],
    ['withdraw', gate.release === 'auto' ? 0 : 30],
    ['take back', gate.release === 'auto' ? 0 : 30],
  ] as const);
  await perhapsReassign(taken);
  await disturb(taken);
  const versionId = await perhapsCorrect(taken);
  if (versionId === null) {
    return;
  }
  await (outcome === 'reject' ? reject(taken, versionId) : approve(taken, versionId));
  if (outcome === 'withdraw') {
    await insist(workload, taken.random, () =>
      withdraw(workload.tokens, { reviewId, by: run.ownerId, versionId }),
    );
  }
  if (outcome === 'take back') {
    await changeOnesMind(taken, versionId);
  }
  await letGoOn(taken);
  await comeTooLate(taken, versionId);
}

/** An admin gives an entry to somebody else, and a stranger tries to; so that the gate can be completed still. */
async function perhapsReassign(taken: Taken): Promise<void> {
  const { workload, random, gate, run, reviewId, given } = taken;
  const keys = entryKeys(gate);
  if (!gate.one_person_one_entry || keys.length === 0 || !random.chance(0.4)) {
    return;
  }
  const own = random.fork('reassign');
  const entry = own.pick(keys);
  const assignees: readonly Assignee[] = [
    ...GROUPS.map((subject): Assignee => ({ kind: 'group', subject })),
    ...PEOPLE.map(({ id: subject }): Assignee => ({ kind: 'reviewer', subject })),
  ];
  const to = own
    .shuffled(assignees)
    .find((one) => canBeCompleted(gate, run.ownerId, PEOPLE, new Map(given).set(entry, one)));
  if (to === undefined || to.subject === STRANGER) {
    return;
  }
  const by = own.chance(0.2) ? STRANGER : ADMIN;
  const answered = await insist(workload, own, () =>
    reassign(workload.tokens, { reviewId, by, entry, to }),
  );
  if (by === ADMIN && answered !== null && answered.meaning !== 'refused') {
    given.set(entry, to);
  }
}

/** Those who have approved take it back, one or all of them, and the review is decided once more if it has to be. */
async function changeOnesMind(taken: Taken, versionId: string): Promise<void> {
  const { workload, random, reviewId } = taken;
  const able = random.shuffled(ableTo(taken, 'approved', versionId));
  for (const { id: by } of able.slice(0, random.int(1, able.length))) {
    await insist(workload, random.fork(`${by} takes back`), () =>
      takeBack(workload.tokens, { reviewId, by }),
    );
  }
  if (await isOpen(taken)) {
    await approve(taken, versionId);
  }
}

/** Those who vote, or take back, what was decided before. */
async function comeTooLate(taken: Taken, versionId: string): Promise<void> {
  const { workload, random, run, reviewId, seedId } = taken;
  if (random.chance(0.7)) {
    const about = random.pick([versionId, seedId]);
    const verdict = random.pick(['approved', 'rejected'] as const);
    const by = random.pick(random.chance(0.7) ? ableTo(taken, verdict, about) : PEOPLE);
    await cast(taken, by.id, verdict, about, random.fork('late'));
  }
  if (random.chance(0.3)) {
    await insist(workload, random.fork('late withdrawal'), () =>
      withdraw(workload.tokens, { reviewId, by: run.ownerId, versionId }),
    );
  }
}

/** Those who may not, and those who are too early: a stranger, the owner, somebody who forces what they may not. */
async function disturb(taken: Taken): Promise<void> {
  const { random, run, seedId } = taken;
  const acts: readonly (readonly [name: string, by: string, probability: number])[] = [
    ['stranger', STRANGER, 0.5],
    ['owner', run.ownerId, 0.35],
    ['early', random.pick(ableTo(taken, 'approved', seedId)).id, 0.5],
    ['forced', random.pick(PEOPLE).id, 0.35],
  ];
  for (const [name, by, probability] of acts) {
    if (random.chance(probability)) {
      const verdict = name === 'stranger' && random.chance(0.3) ? 'rejected' : 'approved';
      await cast(taken, by, verdict, seedId, random.fork(name), name === 'forced');
    }
  }
}

/** Those whose vote on a version counts, without any force. */
function ableTo(
  { gate, run, given }: Taken,
  verdict: Ballot['verdict'],
  versionId: string,
): readonly Person[] {
  const authorId = authorsOf.get(versionId) ?? null;
  const about = { verdict, force: false, ownerId: run.ownerId, authorId, given };
  return PEOPLE.filter((one) => mayVote(gate, one, about));
}

/** The version that people will approve: the seed, or what one of them makes of it; null when time is up. */
async function perhapsCorrect(taken: Taken): Promise<string | null> {
  const { workload, random, gate, run, reviewId, seedId, snapshots, given } = taken;
  const { tokens } = workload;
  for (;;) {
    const versions = await look(
      workload,
      random,
      `/v1/workflows/reviews/versions?review_id=${reviewId}`,
    );
    for (const version of listAt(versions, 'data')) {
      const snapshot = valueAt(version, 'snapshot');
      if (isObject(snapshot)) {
        snapshots.set(textAt(version, 'id') ?? '', snapshot);
      }
    }
    if (snapshots.has(seedId)) {
      break;
    }
    if (Date.now() > workload.deadline()) {
      return null;
    }
    await pause(AGAIN_AFTER_MS);
  }
  const authors = PEOPLE.filter(
    (one) =>
      entriesFor(gate, one, given).length > 0 && one.id !== run.ownerId && one.id !== STRANGER,
  );
  if (gate.corrections === 'none' || authors.length === 0 || !random.chance(0.5)) {
    return seedId;
  }
  const by = random.pick(authors).id;
  const snapshot = drawContent(random);
  const made = await insist(workload, random.fork('correct'), () =>
    correct(tokens, { reviewId, by, parentId: seedId, snapshot }),
  );
  const id = made !== null && made.meaning !== 'refused' ? textAt(made.body, 'id') : null;
  if (id !== null) {
    snapshots.set(id, snapshot);
    authorsOf.set(id, by);
  }
  return id ?? seedId;
}

/** Who wrote which correction, for those who have to know whether they may approve it. */
const authorsOf = new Map<string, string>();

/** Everybody who may approves one version, all at once or one after another, until it is decided. */
async function approve(taken: Taken, versionId: string): Promise<void> {
  const { workload, random, gate, run } = taken;
  const about = {
    verdict: 'approved',
    ownerId: run.ownerId,
    authorId: authorsOf.get(versionId) ?? null,
  } as const;
  const forcers = PEOPLE.filter(
    (one) => one.groups.includes(FORCE_GROUP) && mayVote(gate, one, { ...about, force: true }),
  );
  if (gate.force_approval_groups.length > 0 && random.chance(0.3) && forcers.length > 0) {
    await cast(taken, random.pick(forcers).id, 'approved', versionId, random.fork('force'), true);
  }
  const able = random.shuffled(ableTo(taken, 'approved', versionId));
  await waver(taken, versionId, able);
  const isTogether = random.chance(0.5);
  for (let round = 0; Date.now() < workload.deadline(); round += 1) {
    const votes = able.map((one) => async () => {
      if (isTogether || (await isOpen(taken))) {
        await cast(taken, one.id, 'approved', versionId, random.fork(`${one.id} ${round}`));
      }
    });
    if (isTogether) {
      await Promise.all(votes.map((give) => give()));
    } else {
      for (const give of votes) {
        await give();
      }
    }
    if (!(await isOpen(taken))) {
      return;
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/**
 * Somebody approves the version, and takes that back; the author of a correction approves it, allowed or
 * not; and somebody approves it, and then the seed instead.
 */
async function waver(taken: Taken, versionId: string, able: readonly Person[]): Promise<void> {
  const { workload, random, reviewId, seedId } = taken;
  const [doubter] = able;
  if (doubter !== undefined && random.chance(0.25)) {
    await cast(taken, doubter.id, 'approved', versionId, random.fork('doubter'));
    await insist(workload, random.fork('doubts'), () =>
      takeBack(workload.tokens, { reviewId, by: doubter.id }),
    );
  }
  if (versionId === seedId) {
    return;
  }
  const author = authorsOf.get(versionId);
  if (author !== undefined && random.chance(0.6)) {
    await cast(taken, author, 'approved', versionId, random.fork('author'));
  }
  const [waverer] = able;
  if (waverer !== undefined && random.chance(0.4)) {
    await cast(taken, waverer.id, 'approved', versionId, random.fork('at first'));
    await cast(taken, waverer.id, 'approved', seedId, random.fork('then'));
  }
}

/** Some approve, and one who may refuses. */
async function reject(taken: Taken, versionId: string): Promise<void> {
  const { random } = taken;
  const able = ableTo(taken, 'rejected', versionId);
  const [early] = random.shuffled(able);
  if (early !== undefined && random.chance(0.5)) {
    await cast(taken, early.id, 'approved', versionId, random.fork('before'));
  }
  const by = random.pick(able).id;
  await cast(taken, by, 'rejected', versionId, random.fork('reject'));
  if (await isOpen(taken)) {
    await approve(taken, versionId); // it was refused for a reason of the contract's own
  }
}

/** Whether a review is undecided; it counts as open while nobody answers. */
async function isOpen({ workload, random, reviewId }: Taken): Promise<boolean> {
  const body = await look(workload, random, `/v1/workflows/reviews/${reviewId}`);
  return body === undefined || textAt(body, 'status') === 'PENDING';
}

/** Releases what is approved and waits for that; in a run that has ended nothing is released any more. */
async function letGoOn({ workload, random, gate, reviewId, stepId, run }: Taken): Promise<void> {
  if (gate.release !== 'manual') {
    return;
  }
  if (random.chance(0.7)) {
    await insist(workload, random.fork('stranger releases'), () =>
      release(workload.tokens, { reviewId, stepId, by: STRANGER }, 'native'),
    );
  }
  while (Date.now() < workload.deadline()) {
    const body = await look(workload, random, `/v1/workflows/reviews/${reviewId}`);
    const status = textAt(body, 'status');
    const shown = await look(workload, random, `/v1/workflows/runs/${run.id}`);
    const hasEnded = textAt(shown, 'timing', 'completed_at') !== null;
    if (hasEnded || (status !== null && status !== 'APPROVED')) {
      return;
    }
    if (status === 'APPROVED') {
      const own = random.fork('release');
      await insist(workload, own, () =>
        release(
          workload.tokens,
          { reviewId, stepId, by: run.ownerId },
          own.pick(['native', 'hoop']),
        ),
      );
    }
    await pause(LOOK_AGAIN_MS);
  }
}

/** One vote by one person, in a dialect that the seed chooses. */
async function cast(
  taken: Taken,
  by: string,
  verdict: Ballot['verdict'],
  versionId: string,
  random: Random,
  force = false,
): Promise<void> {
  const { workload, run, reviewId, stepId, snapshots } = taken;
  const { tokens, clients } = workload;
  const ballot = { reviewId, runId: run.id, stepId, by, verdict, versionId, force };
  const dialect = force ? 'hoop' : random.pick(DIALECTS);
  if (dialect !== 'overlay') {
    await insist(workload, random, () => voteIn(dialect, tokens, ballot));
    return;
  }
  const snapshot = snapshots.get(versionId) ?? null;
  const commandId = `${reviewId}-${by}-${verdict}-${random.int(1, 1_000_000)}`;
  // Its stamp may be overtaken by others: it is read again, then.
  for (let tries = 0; tries < 8 && Date.now() < workload.deadline(); tries += 1) {
    const shown = await clients.send(random.pick(clients.apis), readOverlay(tokens, ballot));
    const seen = seenIn(shown.body, sha256(canonical(snapshot)));
    if (seen !== null) {
      const answered = await insist(workload, random, () =>
        voteOnOverlay(tokens, ballot, seen, commandId),
      );
      const isStale = answered?.status === 409 && JSON.stringify(answered.body).includes('Stale');
      if (!isStale) {
        return;
      }
    }
    await pause(AGAIN_AFTER_MS);
  }
}
