import { Link } from 'wouter';
import type { ReviewContext } from '../api/wire.js';
import { useNow } from '../app/clock.js';
import { timeLeft } from '../ui/ages.js';
import { Button } from '../ui/button.js';
import { Notice } from '../ui/notice.js';
import { Ago } from '../ui/time.js';
import type { Screen, ScreenParams } from './screen.js';

/** Where the review stands for whoever looks: decided, voted on by them, or not theirs to decide. */
export function Standing({
  context,
  screen,
  onShow,
}: {
  readonly context: ReviewContext;
  readonly screen: Screen | null;
  readonly onShow: (change: Partial<ScreenParams>) => void;
}) {
  const { review, my } = context;
  const numberOf = (id: string | null | undefined): string =>
    String(screen?.versions.find((version) => version.id === id)?.number ?? '?');
  if (review.status === 'PENDING') {
    const voted = my.vote;
    if (voted !== null) {
      const isOlder = voted.version_id !== review.newest_version_id;
      return (
        <Notice
          tone={isOlder ? 'warn' : 'good'}
          title={`You ${voted.verdict} version ${numberOf(voted.version_id)}.`}
          actions={
            isOlder && screen !== null ? (
              <Button
                icon="clock"
                shortcut="d"
                onClick={() =>
                  onShow({ version: null, show: 'changes', against: voted.version_id })
                }
              >
                What changed since my vote
              </Button>
            ) : undefined
          }
        >
          {isOlder
            ? `Version ${numberOf(review.newest_version_id)} has come since; your approval does not count for it.`
            : 'It waits for the others.'}{' '}
          <Resume context={context} />
        </Notice>
      );
    }
    const why = my.approve.why_not;
    return my.approve.allowed || why === null ? null : (
      <Notice title="You cannot approve this">{why}</Notice>
    );
  }
  return <Decided context={context} numberOf={numberOf} />;
}

function Decided({
  context,
  numberOf,
}: {
  readonly context: ReviewContext;
  readonly numberOf: (id: string) => string;
}) {
  const { review, neighbours: siblings } = context;
  const { decision } = review;
  const next =
    siblings.next === null ? null : (
      <Link href={`/reviews/${siblings.next}`} className="button button-plain">
        Next review
      </Link>
    );
  if (decision === null) {
    return (
      <Notice title="Its run was cancelled" actions={next}>
        Nobody had decided it{review.cancelled_at === null ? '' : ', '}
        {review.cancelled_at !== null && <Ago at={review.cancelled_at} />}.
      </Notice>
    );
  }
  const isTakenBack = review.status === 'REVOKED' || review.status === 'REJECTED';
  const verb = review.status === 'REVOKED' ? 'revoked' : decision.verdict;
  return (
    <Notice
      tone={isTakenBack ? 'bad' : review.status === 'UNKNOWN' ? 'warn' : 'good'}
      title={`${decision.author.display_name} ${verb} version ${numberOf(decision.version_id)}.`}
      actions={next}
    >
      <Ago at={decision.decided_at} />.{' '}
      {decision.reason !== null && <q className="reason">{decision.reason}</q>}{' '}
      {context.release_at !== null && review.status === 'APPROVED' && (
        <Countdown until={context.release_at} />
      )}
      <AfterDecision context={context} /> <Resume context={context} />
    </Notice>
  );
}

function Countdown({ until }: { readonly until: string }) {
  const left = (Date.parse(until) - useNow(1_000)) / 1_000;
  return left <= 0 ? (
    <span>It goes on now.</span>
  ) : (
    <span>
      It goes on in <span className="numeric">{timeLeft(left)}</span>; until then it can be undone.
    </span>
  );
}

function AfterDecision({ context: { review, step, gate } }: { readonly context: ReviewContext }) {
  switch (review.status) {
    case 'APPROVED':
      return gate.release === 'manual' ? <>It waits to be released by hand.</> : null;
    case 'PROCESSING':
      return step.status === 'error' ? (
        <>Its block failed before it began: {step.error_message} A retry of its run executes it.</>
      ) : (
        <>{step.waiting_for ?? 'Its block is being executed.'}</>
      );
    case 'EXECUTED':
      return step.error_message === null ? (
        <>The run went on with it.</>
      ) : (
        <>Its block failed: {step.error_message}</>
      );
    case 'UNKNOWN':
      return (
        <>
          Whether its block did its work cannot be known. Its run’s owner or an admin has to find
          out.
        </>
      );
    case 'PENDING':
    case 'REJECTED':
    case 'REVOKED':
      return null;
  }
}

/** What the workflow knows; nothing is said where it knows all. */
function Resume({ context: { resume } }: { readonly context: ReviewContext }) {
  switch (resume.status) {
    case 'pending':
      return <>Recorded; the workflow will resume when its engine answers.</>;
    case 'failed':
      return <>Recorded, but its workflow is gone: an operator has to start it again.</>;
    case 'resumed':
    case 'skipped':
      return null;
  }
}
