import { type QueryClient, useQueryClient } from '@tanstack/react-query';
import { type SyntheticEvent, useId, useState } from 'react';
import { path, send, sentenceOf } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Run, Step } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Notice } from '../ui/notice.js';

/** Why a run has failed, and, for those who may, what gets it going again. */
export function Recovery({
  run,
  steps,
  mayAct,
}: {
  readonly run: Run;
  readonly steps: readonly Step[];
  readonly mayAct: boolean;
}) {
  const queries = useQueryClient();
  const [settling, setSettling] = useState<Step | null>(null);
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  if (run.lifecycle.status !== 'error') {
    return null;
  }
  const { message, failing_step_id: failing } = run.lifecycle;
  const unknown = steps.filter(({ outcome_unknown: isUnknown }) => isUnknown);
  const retry = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await send('POST', path`/v1/workflows/runs/${run.id}/retry`, {});
      announce('The run goes on.');
    } catch (failure) {
      setError(failure);
    }
    setBusy(false);
    await readAgain(queries, run.id);
  };
  return (
    <Notice
      tone="bad"
      title={`Failed${failing === null ? '' : ' at one of its blocks'}`}
      actions={
        mayAct && (
          <>
            {unknown.map((step) => (
              <Button key={step.step_id} onClick={() => setSettling(step)}>
                {`Say what became of ${step.block_label}`}
              </Button>
            ))}
            {unknown.length === 0 && (
              <Button isBusy={isBusy} onClick={() => void retry()}>
                Retry the failed steps
              </Button>
            )}
          </>
        )
      }
    >
      <p>{message}</p>
      <p className="quiet">
        {unknown.length === 0
          ? 'Nothing that was approved is lost: a retry goes on from what failed.'
          : 'Nobody knows whether a block did its work. Somebody has to find out and say so before the run can go on.'}
      </p>
      {error !== null && <p>{sentenceOf(error)}</p>}
      {settling !== null && <SettleDialog step={settling} onClose={() => setSettling(null)} />}
    </Notice>
  );
}

/** Asks what became of a block of which nobody knows whether it did its work. */
function SettleDialog({ step, onClose }: { readonly step: Step; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [happened, setHappened] = useState<boolean | null>(null);
  const [text, setText] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const id = useId();
  const settle = async (): Promise<void> => {
    const output = happened === true ? readJson(text) : undefined;
    if (happened === null || (happened && output === undefined)) {
      setProblem(happened === null ? 'Choose one of the two.' : 'Write what it gave, as JSON.');
      return;
    }
    setBusy(true);
    try {
      const said = happened ? { happened, output } : { happened };
      await send('POST', path`/v1/workflows/steps/${step.step_id}/settle`, said);
      announce('The outcome is settled. The run can be retried.');
      onClose();
      await readAgain(queries, step.run_id);
    } catch (failure) {
      setProblem(sentenceOf(failure));
      setBusy(false);
    }
  };
  return (
    <Dialog title={`What became of ${step.block_label}?`} onClose={onClose}>
      <form
        onSubmit={(event: SyntheticEvent) => {
          event.preventDefault();
          void settle();
        }}
      >
        <p>
          Look for its idempotency key <code>{step.step_id}</code> where it writes. What you say is
          recorded with your name.
        </p>
        <fieldset className="field">
          <legend>It</legend>
          <label>
            <input
              type="radio"
              name={id}
              data-first
              checked={happened === true}
              onChange={() => setHappened(true)}
            />{' '}
            did its work, and gave an output
          </label>
          <label>
            <input
              type="radio"
              name={id}
              checked={happened === false}
              onChange={() => setHappened(false)}
            />{' '}
            did nothing, and may run again
          </label>
        </fieldset>
        {happened === true && (
          <div className="field">
            <label htmlFor={`${id}-output`}>Its output, as JSON</label>
            <textarea
              id={`${id}-output`}
              rows={6}
              spellCheck={false}
              value={text}
              onChange={(event) => setText(event.target.value)}
            />
          </div>
        )}
        {problem !== null && <Notice tone="bad">{problem}</Notice>}
        <footer className="dialog-foot">
          <Button look="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button look="main" type="submit" isBusy={isBusy}>
            Settle it
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

/** What is no JSON is undefined, which no JSON is. */
function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function readAgain(queries: QueryClient, runId: string): Promise<void> {
  await Promise.all([
    queries.invalidateQueries({ queryKey: [...KEYS.run, runId] }),
    queries.invalidateQueries({ queryKey: KEYS.runs }),
  ]);
}
