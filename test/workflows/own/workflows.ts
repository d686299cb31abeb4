import {
  CancellationScope,
  condition,
  continueAsNew,
  defineSignal,
  isCancellation,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { review, type ReviewOfReference, type ReviewOfValue } from '../../../src/workflow.js';

// Workflows of an author, as the tests' own worker runs them.

type Ask = ReviewOfValue<object>;

/** Answers what its reviewers said. */
export async function ask(options: Ask): Promise<unknown> {
  return await review(options);
}

export async function askByReference(options: ReviewOfReference): Promise<unknown> {
  return await review(options);
}

/** Goes on only with a yes. */
export async function insist(options: Ask): Promise<unknown> {
  return (await review(options).orThrow()).snapshot;
}

/** Asks several questions at once. */
export async function askAll(...all: readonly Ask[]): Promise<unknown> {
  return await Promise.all(all.map((options) => review(options)));
}

/** Asks one question after the other. */
export async function askInTurn(...all: readonly Ask[]): Promise<unknown> {
  const answers: unknown[] = [];
  for (const options of all) {
    answers.push(await review(options));
  }
  return answers;
}

const goOn = defineSignal('goOn');

function told(): () => boolean {
  let isTold = false;
  setHandler(goOn, () => {
    isTold = true;
  });
  return () => isTold;
}

/** Gives up its question when it is told so, and goes on. */
export async function giveUp(options: Ask): Promise<unknown> {
  const isTold = told();
  const scope = new CancellationScope();
  const answer = scope
    .run(() => review(options))
    .then(JSON.stringify, (error: unknown) => {
      if (!isCancellation(error)) {
        throw error;
      }
      return 'given up';
    });
  await condition(isTold);
  scope.cancel();
  return await answer;
}

/** Ends without waiting for the answer when it is told so. */
export async function forget(options: Ask): Promise<string> {
  const isTold = told();
  review(options).catch(() => {});
  await condition(isTold);
  return 'forgotten';
}

/** Continues as new while it waits, and asks again. */
export async function askAcross(options: Ask): Promise<unknown> {
  if (workflowInfo().continuedFromExecutionRunId !== undefined) {
    return await review(options);
  }
  const isTold = told();
  const answer = review(options);
  answer.catch(() => {});
  await condition(isTold);
  return await continueAsNew<typeof askAcross>(options);
}

/** Asks, and then lives on until it is told to end. */
export async function askAndLiveOn(options: Ask): Promise<unknown> {
  const isTold = told();
  const answer = await review(options);
  await condition(isTold);
  await sleep(1);
  return answer;
}
