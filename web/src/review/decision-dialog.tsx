import { type ReactNode, useId, useState } from 'react';
import { ApiError } from '../api/http.js';
import type { ReviewContext } from '../api/wire.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Notice } from '../ui/notice.js';
import type { Act } from './actions.js';
import { ChangeTable } from './change-table.js';
import { type Assignee, describeError } from './deciding.js';
import type { Screen } from './screen.js';

type Props = {
  readonly act: Act;
  readonly context: ReviewContext;
  readonly screen: Screen;
  readonly onClose: () => void;
  readonly onShowNewest: () => void;
  readonly onApprove: (acknowledged: readonly string[]) => Promise<void>;
  readonly onReject: (reason: string) => Promise<void>;
  readonly onTakeBack: (reason: string) => Promise<void>;
  readonly onReassign: (entry: string, to: Assignee, reason: string) => Promise<void>;
  readonly onWithdraw: (verdict: 'rejected' | 'revoked', reason: string) => Promise<void>;
  readonly onRelease: () => Promise<void>;
};

/** Asks before a decision that needs a word, or that the person cannot have meant on a stale screen. */
export function DecisionDialog(props: Props) {
  const { act, screen } = props;
  if (screen.isStale && (act === 'approve' || act === 'reject')) {
    return <NewerVersion {...props} />;
  }
  switch (act) {
    case 'approve':
      return <Approve {...props} />;
    case 'reject':
      return (
        <WithReason
          title="Reject"
          verb="Reject"
          onClose={props.onClose}
          onSubmit={props.onReject}
          intro={
            props.context.gate.on_reject === 'cancel_run'
              ? 'The review ends, and its run is cancelled.'
              : 'The review ends; the run goes on as its gate says.'
          }
        />
      );
    case 'withdraw':
      return (
        <WithReason
          title={props.context.release_at === null ? 'Withdraw the approval' : 'Undo the approval'}
          verb="Take it back"
          onClose={props.onClose}
          onSubmit={(reason) => props.onWithdraw('revoked', reason)}
          intro="The approval is taken back before anything was done with it, and the run is cancelled."
        />
      );
    case 'take_back':
      return (
        <WithReason
          title="Take my approval back"
          verb="Take it back"
          onClose={props.onClose}
          onSubmit={props.onTakeBack}
          intro="Your approval no longer counts. The review waits on if it was needed, and nobody else’s vote changes."
        />
      );
    case 'reassign':
      return <Reassign {...props} />;
    case 'release':
      return <Release {...props} />;
    case 'correct':
      return null;
  }
}

/** The stale screen: shows what changed, and asks again. */
function NewerVersion({ act, screen, onClose, onShowNewest }: Props) {
  const { shown, newest } = screen;
  return (
    <Dialog title="A newer version has come" isWide onClose={onClose}>
      <p>
        {newest === null
          ? 'It was added after this page was shown.'
          : `${newest.author.display_name} added version ${newest.number} after this page was shown.`}{' '}
        Nothing was {act === 'approve' ? 'approved' : 'rejected'}. Look at what changed, then decide
        again.
      </p>
      {newest !== null && (
        <ChangeTable
          before={shown.snapshot}
          after={newest.snapshot}
          beforeName={`Version ${shown.number}, on screen`}
          afterName={`Version ${newest.number}, newest`}
        />
      )}
      <footer className="dialog-foot">
        <Button look="ghost" onClick={onClose}>
          Stay with version {shown.number}
        </Button>
        <Button look="main" onClick={onShowNewest}>
          {newest === null ? 'Show the newest version' : `Show version ${newest.number}`}
        </Button>
      </footer>
    </Dialog>
  );
}

/** An approval that needs a second thought: of an older version, or one that was refused at first. */
function Approve({ screen, onClose, onShowNewest, onApprove }: Props) {
  const { shown, newest, versions } = screen;
  const [discarded, setDiscarded] = useState<readonly string[]>([]);
  const { error, isBusy, run } = useAttempt();
  const isOlder = newest !== null && newest.id !== shown.id;
  const numbers = discarded.map(
    (id) => versions.find((version) => version.id === id)?.number ?? id,
  );
  const attempt = (): void =>
    run(
      () => onApprove(discarded),
      (failure) => setDiscarded(supersededBy(failure)),
    );
  return (
    <Dialog title={`Approve version ${shown.number}?`} isWide={isOlder} onClose={onClose}>
      {isOlder && (
        <>
          <p>
            Version {newest.number} is newer. An approval counts for the version that it names: what
            version {newest.number} says would not flow on.
          </p>
          <ChangeTable
            before={shown.snapshot}
            after={newest.snapshot}
            beforeName={`Version ${shown.number}`}
            afterName={`Version ${newest.number}, newest`}
          />
        </>
      )}
      {numbers.length > 0 ? (
        <Notice tone="warn">
          This discards version {numbers.join(' and ')}, on which nobody has built. Approve again to
          say that you mean it.
        </Notice>
      ) : (
        <Failure error={error} />
      )}
      <footer className="dialog-foot">
        <Button look="ghost" onClick={onClose}>
          Cancel
        </Button>
        {isOlder && <Button onClick={onShowNewest}>Show version {newest.number}</Button>}
        <Button look="main" isBusy={isBusy} onClick={attempt}>
          Approve version {shown.number}
        </Button>
      </footer>
    </Dialog>
  );
}

function Release({ onClose, onRelease }: Props) {
  const { error, isBusy, run } = useAttempt();
  return (
    <Dialog title="Release" onClose={onClose}>
      <p>The block is executed with exactly what was approved. That cannot be taken back.</p>
      <Failure error={error} />
      <footer className="dialog-foot">
        <Button look="ghost" onClick={onClose}>
          Cancel
        </Button>
        <Button look="main" isBusy={isBusy} onClick={() => run(onRelease)}>
          Release
        </Button>
      </footer>
    </Dialog>
  );
}

/** Asks which open entry somebody else is to fill, and who. */
function Reassign({ context, onClose, onReassign }: Props) {
  const open = context.review.entries.filter(({ status }) => status === 'PENDING');
  const [entry, setEntry] = useState(open[0]?.key ?? '');
  const [kind, setKind] = useState<'group' | 'reviewer'>('reviewer');
  const [subject, setSubject] = useState('');
  const id = useId();
  const to = kind === 'group' ? { group: subject.trim() } : { reviewer: subject.trim() };
  return (
    <WithReason
      title="Reassign an approval"
      verb="Reassign"
      onClose={onClose}
      onSubmit={(reason) => onReassign(entry, to, reason)}
      intro="Somebody else gives it from now on, and nothing else with that vote. What was approved before stays."
    >
      <div className="field">
        <label htmlFor={`${id}-entry`}>Approval</label>
        <select id={`${id}-entry`} value={entry} onChange={(event) => setEntry(event.target.value)}>
          {open.map(({ key, subject: of }) => (
            <option key={key} value={key}>
              {of === '' ? 'Anyone who reviews' : of} ({key})
            </option>
          ))}
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-kind`}>Give it to</label>
        <select
          id={`${id}-kind`}
          value={kind}
          onChange={(event) => setKind(event.target.value === 'group' ? 'group' : 'reviewer')}
        >
          <option value="reviewer">a person</option>
          <option value="group">any member of a group</option>
        </select>
      </div>
      <div className="field">
        <label htmlFor={`${id}-subject`}>
          {kind === 'group' ? 'Name of the group' : 'Id of the person'}
        </label>
        <input
          id={`${id}-subject`}
          value={subject}
          required
          onChange={(event) => setSubject(event.target.value)}
        />
      </div>
    </WithReason>
  );
}

function WithReason({
  title,
  verb,
  intro,
  children,
  onClose,
  onSubmit,
}: {
  readonly title: string;
  readonly verb: string;
  readonly intro: ReactNode;
  /** What is asked beside the reason. */
  readonly children?: ReactNode;
  readonly onClose: () => void;
  readonly onSubmit: (reason: string) => Promise<void>;
}) {
  const [reason, setReason] = useState('');
  const [isAsked, setAsked] = useState(false);
  const { error, isBusy, run } = useAttempt();
  const id = useId();
  const isMissing = reason.trim() === '';
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          setAsked(true);
          if (!isMissing) {
            run(() => onSubmit(reason.trim()));
          }
        }}
      >
        <p>{intro}</p>
        {children}
        <div className="field">
          <label htmlFor={id}>Reason</label>
          <textarea
            id={id}
            rows={4}
            value={reason}
            data-first
            aria-invalid={isAsked && isMissing}
            aria-describedby={`${id}-help`}
            onChange={(event) => setReason(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
                event.currentTarget.form?.requestSubmit();
              }
            }}
          />
          <p id={`${id}-help`} className={isAsked && isMissing ? 'field-error' : 'quiet'}>
            {isAsked && isMissing
              ? 'Say why, in a few words: the others read it.'
              : 'Everybody who sees this review reads it.'}
          </p>
        </div>
        <Failure error={error} />
        <footer className="dialog-foot">
          <Button look="ghost" onClick={onClose}>
            Cancel
          </Button>
          <Button look="danger" type="submit" isBusy={isBusy}>
            {verb}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function Failure({ error }: { readonly error: unknown }) {
  return error === null ? null : <Notice tone="bad">{describeError(error)}</Notice>;
}

/** One attempt at a time, and why the last one failed. */
function useAttempt() {
  const [error, setError] = useState<unknown>(null);
  const [isBusy, setBusy] = useState(false);
  const run = (attempt: () => Promise<void>, onError?: (failure: unknown) => void): void => {
    setBusy(true);
    setError(null);
    attempt()
      .catch((failure: unknown) => {
        setError(failure);
        onError?.(failure);
      })
      .finally(() => setBusy(false));
  };
  return { error, isBusy, run };
}

function supersededBy(error: unknown): readonly string[] {
  if (!(error instanceof ApiError) || error.code !== 'superseded_versions') {
    return [];
  }
  const ids = error.details['version_ids'];
  return Array.isArray(ids) ? ids.filter((id) => typeof id === 'string') : [];
}
