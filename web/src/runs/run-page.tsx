import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { hasCode, path, send, sentenceOf } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Run, Step } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { useSession } from '../app/session.js';
import { useTitle } from '../app/title.js';
import { readFilters, writeFilters } from '../queue/filters.js';
import { progressOf, reviewTitle } from '../queue/waiting-words.js';
import { Button } from '../ui/button.js';
import { Dialog } from '../ui/dialog.js';
import { Empty } from '../ui/empty.js';
import { Icon } from '../ui/icon.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Status } from '../ui/status.js';
import { Ago, At } from '../ui/time.js';
import { workflowQuery, workflowVersionsQuery } from '../workflows/queries.js';
import { readBlock } from '../workflows/stored-block.js';
import { BlockGraph } from './block-graph.js';
import { LoopPanel, LoopSize } from './loop-panel.js';
import { runQuery, stepsQuery, waitingQuery } from './queries.js';
import { Recovery } from './recovery.js';

/** One run: its blocks, where it waits, for whom and since when. */
export function RunPage({ id }: { readonly id: string }) {
  const { data: run, error } = useQuery(runQuery(id));
  useTitle(`Run ${id}`);
  if (hasCode(error, 'run_not_found')) {
    return (
      <>
        <PageHead title="Run" />
        <Empty title="There is no such run">
          <Link href="/runs">See all runs</Link>.
        </Empty>
      </>
    );
  }
  if (run === undefined) {
    return error === null ? (
      <Loading label="Reading the run" />
    ) : (
      <Notice tone="bad" title="The run could not be read">
        {sentenceOf(error)}
      </Notice>
    );
  }
  return <RunView run={run} />;
}

function RunView({ run }: { readonly run: Run }) {
  const { data: all } = useQuery(stepsQuery(run.id));
  const session = useSession();
  const { data: workflow } = useQuery(workflowQuery(run.workflow_id));
  const { data: versions } = useQuery(workflowVersionsQuery(run.workflow_id));
  const version = versions?.data.find(({ id }) => id === run.workflow_version_id);
  const [isCancelling, setCancelling] = useState(false);
  const { lifecycle, timing } = run;
  const hasEnded = ['completed', 'error', 'cancelled'].includes(lifecycle.status);
  const person = session?.person;
  const mayAct =
    person !== null &&
    person !== undefined &&
    (person.id === run.owner_id || person.roles.includes('admin'));
  const mayCancel = mayAct && !hasEnded && !run.is_being_cancelled;
  const ui = run.temporal_url;
  const blocks = (version?.blocks ?? []).map(readBlock);
  const steps = inOrder(
    all?.data.filter(({ iteration_key: key }) => key === null) ?? [],
    blocks.map(({ id }) => id),
  );
  return (
    <>
      <PageHead
        crumbs={<Link href="/runs">Runs</Link>}
        title={workflow?.name ?? run.workflow_id}
        badge={<Status of={lifecycle.status} />}
        about={<code>{run.id}</code>}
        actions={
          <>
            {ui !== null && (
              <a
                className="button button-plain"
                href={ui}
                target="_blank"
                rel="noreferrer noopener"
              >
                <span>Temporal</span>
                <Icon name="outside" />
              </a>
            )}
            {mayCancel && <Button onClick={() => setCancelling(true)}>Cancel run</Button>}
          </>
        }
      />
      <Recovery run={run} steps={all?.data ?? []} mayAct={mayAct} />
      {run.is_being_cancelled && lifecycle.status === 'running' && (
        <Notice tone="warn" title="Being cancelled">
          What was approved and is being executed comes to its end first.
        </Notice>
      )}
      {lifecycle.status === 'cancelled' && <Notice title="Cancelled">{lifecycle.reason}</Notice>}
      <Waiting runId={run.id} />
      <section className="panel" aria-labelledby="blocks-title">
        <header className="panel-head">
          <h2 id="blocks-title">Blocks</h2>
        </header>
        <BlockGraph
          label="Blocks of this run"
          blocks={
            blocks.length > 0
              ? blocks
              : steps.map(({ block_id: blockId }) => ({ id: blockId, needs: [] }))
          }
        >
          {(blockId) => (
            <RunBlock blockId={blockId} step={steps.find((step) => step.block_id === blockId)} />
          )}
        </BlockGraph>
      </section>
      {steps
        .filter(({ type }) => type === 'for_each')
        .map((step) => (
          <LoopPanel key={step.step_id} step={step} />
        ))}
      <div className="columns">
        <section className="panel" aria-labelledby="about-title">
          <header className="panel-head">
            <h2 id="about-title">About</h2>
          </header>
          <dl className="facts">
            <div>
              <dt>Workflow</dt>
              <dd>
                <Link href={`/workflows/${run.workflow_id}?version=${run.workflow_version_id}`}>
                  {workflow?.name ?? run.workflow_id}
                  {version !== undefined && `, version ${version.version}`}
                </Link>
              </dd>
            </div>
            <div>
              <dt>Owner</dt>
              <dd>{run.owner_id ?? 'nobody; a service started it'}</dd>
            </div>
            <div>
              <dt>Created</dt>
              <dd>
                <At at={timing.created_at} />
              </dd>
            </div>
            {timing.completed_at !== null && (
              <div>
                <dt>Ended</dt>
                <dd>
                  <At at={timing.completed_at} />
                </dd>
              </div>
            )}
          </dl>
        </section>
        <section className="panel" aria-labelledby="steps-title">
          <header className="panel-head">
            <h2 id="steps-title">Steps</h2>
            <span className="quiet numeric">{steps.length}</span>
          </header>
          <ul className="steps">
            {steps.map((step) => (
              <li key={step.step_id}>
                <span>{step.block_label}</span>
                <Status of={step.lifecycle.status} />
                {step.lifecycle.status === 'error' && (
                  <p className="quiet">{step.lifecycle.message}</p>
                )}
                {step.waiting_for !== null && <p className="quiet">{step.waiting_for}</p>}
                {step.outcome_unknown && <p className="quiet">Its outcome is unknown.</p>}
              </li>
            ))}
          </ul>
        </section>
      </div>
      {isCancelling && <CancelDialog run={run} onClose={() => setCancelling(false)} />}
    </>
  );
}

function Waiting({ runId }: { readonly runId: string }) {
  const { data: undecided } = useQuery(waitingQuery(runId, 'PENDING'));
  const { data: approved } = useQuery(waitingQuery(runId, 'APPROVED'));
  const reviews = [...(undecided?.data ?? []), ...(approved?.data ?? [])];
  if (reviews.length === 0) {
    return null;
  }
  return (
    <ul className="waiting">
      {reviews.map((review) => (
        <li key={review.id}>
          <Icon name="gate" />
          <div>
            <p>
              <Link href={`/reviews/${review.id}`}>{reviewTitle(review)}</Link>{' '}
              {review.status === 'APPROVED' ? 'is approved and waits to go on' : 'waits'} at{' '}
              <code>{review.block_id}</code>, since <Ago at={review.created_at} />.
            </p>
            {review.status === 'PENDING' && (
              <p className="quiet">
                For{' '}
                {progressOf(review.entries, [])
                  .map(({ label, filled, needed }) => `${label} (${filled} of ${needed})`)
                  .join(', ')}
              </p>
            )}
          </div>
        </li>
      ))}
      {typeof undecided?.list_metadata.after === 'string' && (
        <li>
          <Icon name="gate" />
          <p>
            More of them wait: <Link href={queueOf(runId)}>see all of this run in the queue</Link>.
          </p>
        </li>
      )}
    </ul>
  );
}

function queueOf(runId: string): string {
  return writeFilters(readFilters(''), { view: 'all', status: 'PENDING', run_id: runId });
}

function RunBlock({
  blockId,
  step,
}: {
  readonly blockId: string;
  readonly step: Step | undefined;
}) {
  const reviewId = step?.review_id ?? null;
  const box = (
    <>
      <span className="node-name">
        {step?.block_label ?? blockId}
        {step?.type === 'for_each' && <LoopSize step={step} />}
      </span>
      <span className="node-about">
        {step === undefined ? (
          <span className="quiet">not begun</span>
        ) : (
          <Status of={step.lifecycle.status} />
        )}
        {reviewId !== null && <span className="tag">review</span>}
      </span>
    </>
  );
  return reviewId === null ? (
    <div className="node">{box}</div>
  ) : (
    <Link href={`/reviews/${reviewId}`} className="node">
      {box}
    </Link>
  );
}

function CancelDialog({ run, onClose }: { readonly run: Run; readonly onClose: () => void }) {
  const queries = useQueryClient();
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const cancel = async (): Promise<void> => {
    setBusy(true);
    try {
      await send('POST', path`/v1/workflows/runs/${run.id}/cancel`, {});
      announce('The run is being cancelled.');
      onClose();
      await Promise.all([
        queries.invalidateQueries({ queryKey: [...KEYS.run, run.id] }),
        queries.invalidateQueries({ queryKey: KEYS.runs }),
        queries.invalidateQueries({ queryKey: KEYS.inbox }),
      ]);
    } catch (failure) {
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <Dialog title="Cancel this run?" onClose={onClose}>
      <p>Its open reviews end undecided. That cannot be taken back.</p>
      {error !== null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      <footer className="dialog-foot">
        <Button look="ghost" onClick={onClose}>
          Keep it running
        </Button>
        <Button look="danger" isBusy={isBusy} onClick={() => void cancel()}>
          Cancel the run
        </Button>
      </footer>
    </Dialog>
  );
}

/** Steps in the order of their definition; all were made at once, so their times say nothing. */
function inOrder(steps: readonly Step[], blockIds: readonly string[]): readonly Step[] {
  const place = (step: Step): number => {
    const index = blockIds.indexOf(step.block_id);
    return index === -1 ? blockIds.length : index;
  };
  return steps.toSorted((a, b) => place(a) - place(b));
}
