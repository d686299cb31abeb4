import { useQuery, useQueryClient } from '@tanstack/react-query';
import { lazy, Suspense, useEffect, useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { hasCode } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { ReviewContext, SubmitResponse, Version } from '../api/wire.js';
import { announce } from '../app/announce.js';
import { mayOperate, useSession } from '../app/session.js';
import { useShortcuts } from '../app/shortcuts.js';
import { itemWords, reviewTitle } from '../queue/waiting-words.js';
import { Button } from '../ui/button.js';
import { Icon } from '../ui/icon.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Status } from '../ui/status.js';
import { Ago, Due } from '../ui/time.js';
import { Actions, type Act } from './actions.js';
import { Activity } from './activity.js';
import {
  approve,
  describeError,
  describeOutcome,
  NewerVersion,
  describeResume,
  reassign,
  reject,
  release,
  takeBack,
  withdraw,
} from './deciding.js';
import { DecisionDialog } from './decision-dialog.js';
import { Entries } from './entries.js';
import { contextQuery } from './queries.js';
import { readScreen, type Screen, screenOf, type ScreenParams, writeScreen } from './screen.js';
import { SnapshotPane } from './snapshot-pane.js';
import { SourcePane } from './source-pane.js';
import { Standing } from './standing.js';
import { VersionList } from './version-list.js';
import { WhyHere } from './why-here.js';

// Most reviews are decided as they are.
const CorrectionEditor = lazy(async () => ({
  default: (await import('./correction-editor.js')).CorrectionEditor,
}));

/** How soon to look again while the workflow has not been told yet. */
const RESUME_POLL_MS = 2_000;

/** A review on screen, and everything that can be done with it. */
export function ReviewView({
  context,
  versions,
  seenNewestId,
  onSeen,
}: {
  readonly context: ReviewContext;
  readonly versions: readonly Version[];
  readonly seenNewestId: string;
  readonly onSeen: (versionId: string) => void;
}) {
  const { review, my, neighbours: siblings } = context;
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const person = useSession()?.person ?? null;
  // Whoever only reviews has no business in Temporal's UI, and often no access.
  const isOperator = person !== null && mayOperate(person);
  const params = readScreen(useSearch());
  const screen = screenOf(context, versions, params, seenNewestId);
  const go = (change: Partial<ScreenParams>): void =>
    navigate(writeScreen(review.id, { ...params, ...change }), { replace: true });
  const [isEditing, setEditing] = useState(false);
  const [act, setAct] = useState<Act | null>(null);
  const submit = useSubmit(context, () => setAct(null));

  const ask = (wanted: Act): void => {
    if (wanted === 'correct') {
      setEditing(true);
    } else if (wanted === 'approve' && screen !== null && screen.shown.id === screen.newest?.id) {
      void submit(() => approve(review.id, screen.shown.id)).catch(async (error: unknown) => {
        if (error instanceof NewerVersion || hasCode(error, 'superseded_versions')) {
          // What the page did not know is read first, so that the dialog can show it.
          await queries.invalidateQueries({ queryKey: [...KEYS.review, review.id] });
          setAct('approve');
        } else {
          announce(describeError(error), 'bad');
        }
      });
    } else {
      setAct(wanted);
    }
  };
  const showNewest = (): void => {
    onSeen(review.newest_version_id);
    setAct(null);
    go({ version: null });
  };
  useShortcuts('Review', [
    ...(my.approve.allowed
      ? [{ key: 'a', does: 'Approve the version on screen', run: () => ask('approve') }]
      : []),
    ...(my.reject.allowed ? [{ key: 'r', does: 'Reject', run: () => ask('reject') }] : []),
    ...(my.correct.allowed ? [{ key: 'e', does: 'Correct', run: () => ask('correct') }] : []),
    ...(my.take_back.allowed
      ? [{ key: 'b', does: 'Take your own approval back', run: () => ask('take_back') }]
      : []),
    ...(my.withdraw.allowed
      ? [{ key: 'u', does: 'Take the approval back', run: () => ask('withdraw') }]
      : []),
    ...(my.release.allowed ? [{ key: 'g', does: 'Release', run: () => ask('release') }] : []),
    {
      key: 'v',
      does: 'Show the raw JSON, or the fields',
      run: () => go({ show: params.show === 'json' ? 'fields' : 'json' }),
    },
    {
      key: 'd',
      does: 'Show what changed, or the fields',
      run: () => go({ show: params.show === 'changes' ? 'fields' : 'changes' }),
    },
    {
      key: 'j',
      does: 'Next review',
      run: () => siblings.next !== null && navigate(`/reviews/${siblings.next}`),
    },
    {
      key: 'k',
      does: 'Previous review',
      run: () => siblings.previous !== null && navigate(`/reviews/${siblings.previous}`),
    },
  ]);

  const hasSource = context.step.source !== null;
  return (
    <article className="review">
      <PageHead
        title={reviewTitle(review, context.block.label)}
        badge={<Status of={review.status} />}
        crumbs={
          <>
            <Link href="/">Inbox</Link>
            <Link href={`/workflows/${context.workflow.id}`}>
              {context.workflow.name ?? context.workflow.id}
            </Link>
            <Link href={`/runs/${review.run_id}`}>
              {context.block.label ?? review.block_id}
              {review.iteration_key !== null && `, ${itemWords(review.iteration_key)}`}
            </Link>
          </>
        }
        about={
          <>
            Opened <Ago at={review.created_at} />
            {context.run.owner_name !== null && `, for ${context.run.owner_name}`}
            {context.due_at !== null && review.status === 'PENDING' && (
              <>
                , <Due at={context.due_at} />
              </>
            )}
            {isOperator && context.run.temporal_url !== null && (
              <>
                {' · '}
                <a href={context.run.temporal_url} target="_blank" rel="noreferrer noopener">
                  Its workflow in Temporal <Icon name="outside" />
                </a>
              </>
            )}
          </>
        }
        actions={
          <>
            <Siblings siblings={siblings} />
            {!isEditing && screen !== null && (
              <Actions context={context} versionNumber={screen.shown.number} onAct={ask} />
            )}
          </>
        }
      />
      <div className="review-grid" data-source={hasSource}>
        <div className="review-main">
          <Standing context={context} screen={screen} onShow={go} />
          {screen?.isStale === true && <StaleNotice screen={screen} onShow={showNewest} />}
          <WhyHere context={context} />
          {screen === null ? (
            <Loading label="Reading the versions" />
          ) : isEditing ? (
            <Suspense fallback={<Loading label="Loading the form" />}>
              <CorrectionEditor
                context={context}
                base={screen.shown}
                onClose={() => setEditing(false)}
                onSaved={(versionId) => {
                  onSeen(versionId);
                  setEditing(false);
                  go({ version: null, show: 'fields' });
                }}
                onApprove={async (versionId) => {
                  await submit(() => approve(review.id, versionId));
                }}
              />
            </Suspense>
          ) : (
            <SnapshotPane context={context} screen={screen} params={params} onShow={go} />
          )}
        </div>
        {hasSource && context.step.source !== null && <SourcePane source={context.step.source} />}
        <aside className="review-rail" aria-label="About this review">
          <Entries context={context} versions={screen?.versions ?? []} />
          {screen !== null && (
            <VersionList screen={screen} reviewId={review.id} standingVote={my.vote} />
          )}
          <Activity reviewId={review.id} versions={screen?.versions ?? []} />
        </aside>
      </div>
      {act !== null && screen !== null && (
        <DecisionDialog
          act={act}
          context={context}
          screen={screen}
          onClose={() => setAct(null)}
          onShowNewest={showNewest}
          onApprove={(acknowledged) =>
            submit(() => approve(review.id, screen.shown.id, { acknowledged, isOlderFine: true }))
          }
          onReject={(reason) => submit(() => reject(review.id, seenNewestId, reason))}
          onTakeBack={(reason) => submit(() => takeBack(review.id, reason))}
          onReassign={(entry, to, reason) => submit(() => reassign(review.id, entry, to, reason))}
          onWithdraw={(verdict, reason) => submit(() => withdraw(review.id, verdict, reason))}
          onRelease={() => submit(() => release(review.id))}
        />
      )}
    </article>
  );
}

/** Sends a decision, says what became of it, and says again when the workflow has been told after all. */
function useSubmit(
  { review, resume }: ReviewContext,
  onDone: () => void,
): (send: () => Promise<SubmitResponse>) => Promise<void> {
  const queries = useQueryClient();
  const isOwed = useRef(false);
  const [isWatching, setWatching] = useState(false);
  // Asked for here and there, read once: this only keeps the interval.
  useQuery({ ...contextQuery(review.id), refetchInterval: isWatching ? RESUME_POLL_MS : false });

  useEffect(() => {
    if (isOwed.current && resume.status === 'resumed') {
      isOwed.current = false;
      setWatching(false);
      announce(describeResume('The engine answers again', 'resumed', review.status).text);
    }
  }, [resume.status, review.status]);

  return async (send) => {
    const answer = await send();
    const outcome = describeOutcome(answer);
    announce(outcome.text, outcome.tone === 'bad' ? 'bad' : 'plain');
    if (answer.submission_status === 'accepted') {
      isOwed.current = answer.resume_status === 'pending';
      setWatching(answer.resume_status === 'pending');
    }
    onDone();
    await Promise.all([
      queries.invalidateQueries({ queryKey: [...KEYS.review, review.id] }),
      queries.invalidateQueries({ queryKey: KEYS.inbox }),
      queries.invalidateQueries({ queryKey: [...KEYS.run, review.run_id] }),
    ]);
  };
}

function StaleNotice({ screen, onShow }: { readonly screen: Screen; readonly onShow: () => void }) {
  const { newest, shown } = screen;
  return (
    <Notice
      tone="warn"
      title={
        newest === null
          ? 'A newer version has come.'
          : `${newest.author.display_name} added version ${newest.number}.`
      }
      actions={
        <Button onClick={onShow}>
          {newest === null ? 'Show it' : `Show version ${newest.number}`}
        </Button>
      }
    >
      You still see version {shown.number}. Nothing is decided from it without asking you again.
    </Notice>
  );
}

function Siblings({ siblings }: { readonly siblings: ReviewContext['neighbours'] }) {
  return siblings.previous === null && siblings.next === null ? null : (
    <nav className="siblings" aria-label="Other reviews that wait for you">
      <Sibling id={siblings.previous} words="Previous review" icon="left" shortcut="k" />
      <Sibling id={siblings.next} words="Next review" icon="right" shortcut="j" />
    </nav>
  );
}

function Sibling({
  id,
  words,
  icon,
  shortcut,
}: {
  readonly id: string | null;
  readonly words: string;
  readonly icon: 'left' | 'right';
  readonly shortcut: string;
}) {
  return id === null ? (
    <span className="icon-button" data-off="true">
      <Icon name={icon} />
    </span>
  ) : (
    <Link
      href={`/reviews/${id}`}
      className="icon-button"
      aria-label={words}
      title={`${words} (${shortcut})`}
      aria-keyshortcuts={shortcut}
    >
      <Icon name={icon} />
    </Link>
  );
}
