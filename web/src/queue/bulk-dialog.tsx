import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { KEYS } from '../api/keys.js';
import type { InboxRow } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { approve, describeError, describeOutcome, reject } from '../review/deciding.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Notice } from '../ui/notice.js';
import { Ago } from '../ui/time.js';
import { reviewTitle } from './waiting-words.js';

type Result = { readonly isGood: boolean; readonly text: string };

/** Votes on a selection once it is confirmed, one after the other, and says what became of each. */
export function BulkDialog({
  verdict,
  rows,
  onClose,
}: {
  readonly verdict: 'approved' | 'rejected';
  readonly rows: readonly InboxRow[];
  readonly onClose: () => void;
}) {
  const queries = useQueryClient();
  const [reason, setReason] = useState('');
  const [isAsked, setAsked] = useState(false);
  const [state, setState] = useState<'asking' | 'sending' | 'done'>('asking');
  const [results, setResults] = useState<ReadonlyMap<string, Result>>(new Map());
  const reasonId = useId();
  const isReject = verdict === 'rejected';
  const isReasonMissing = isReject && reason.trim() === '';

  const sendAll = async (): Promise<void> => {
    setState('sending');
    const sofar = new Map<string, Result>();
    for (const row of rows) {
      sofar.set(row.id, await decideOne(row, verdict, reason));
      setResults(new Map(sofar));
    }
    const good = [...sofar.values()].filter(({ isGood }) => isGood).length;
    announce(`${good} of ${rows.length} ${verdict}.`, good === rows.length ? 'plain' : 'bad');
    setState('done');
    await queries.invalidateQueries({ queryKey: KEYS.inbox });
  };

  const count = `${rows.length} review${rows.length === 1 ? '' : 's'}`;
  return (
    <Dialog
      title={isReject ? `Reject ${count}?` : `Approve ${count}?`}
      isWide
      onClose={() => state !== 'sending' && onClose()}
    >
      {state === 'asking' && (
        <p>
          {isReject
            ? 'Each is rejected for the reason below. A rejection ends its review, and cancels its run unless its gate says otherwise.'
            : 'Of each, the version that was newest when this list was shown is approved. Where a newer one has come since, nothing is recorded.'}
        </p>
      )}
      <ul className="bulk-list">
        {rows.map((row) => {
          const result = results.get(row.id);
          return (
            <li
              key={row.id}
              data-result={result === undefined ? 'none' : result.isGood ? 'good' : 'bad'}
            >
              <span className="bulk-title">{reviewTitle(row)}</span>
              <span className="quiet">
                {row.workflow_name ?? row.workflow_id} · <Ago at={row.created_at} />
              </span>
              {result !== undefined && <span className="bulk-result">{result.text}</span>}
            </li>
          );
        })}
      </ul>
      {isReject && state === 'asking' && (
        <div className="field">
          <label htmlFor={reasonId}>Reason</label>
          <textarea
            id={reasonId}
            data-first
            rows={3}
            value={reason}
            required
            aria-invalid={isAsked && isReasonMissing}
            onChange={(event) => setReason(event.target.value)}
          />
          {isAsked && isReasonMissing && <p className="field-error">Say why, in a few words.</p>}
        </div>
      )}
      {state === 'done' && [...results.values()].some(({ isGood }) => !isGood) && (
        <Notice tone="warn">What was not recorded is still open; open it to see why.</Notice>
      )}
      <footer className="dialog-foot">
        {state === 'done' ? (
          <Button look="main" onClick={onClose}>
            Done
          </Button>
        ) : (
          <>
            <Button look="ghost" disabled={state === 'sending'} onClick={onClose}>
              Cancel
            </Button>
            <Button
              look={isReject ? 'danger' : 'main'}
              data-first={isReject ? undefined : true}
              isBusy={state === 'sending'}
              onClick={() => {
                setAsked(true);
                if (!isReasonMissing) {
                  void sendAll();
                }
              }}
            >
              {isReject ? `Reject ${count}` : `Approve ${count}`}
            </Button>
          </>
        )}
      </footer>
    </Dialog>
  );
}

async function decideOne(
  row: InboxRow,
  verdict: 'approved' | 'rejected',
  reason: string,
): Promise<Result> {
  try {
    const answer =
      verdict === 'approved'
        ? await approve(row.id, row.newest_version_id)
        : await reject(row.id, row.newest_version_id, reason);
    const { tone, text } = describeOutcome(answer);
    return { isGood: tone !== 'bad', text };
  } catch (error) {
    return { isGood: false, text: describeError(error) };
  }
}
