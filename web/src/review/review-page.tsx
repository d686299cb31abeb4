import { usePrefetchQuery, useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'wouter';
import { hasCode, sentenceOf } from '../api/http.js';
import type { ReviewContext, Version } from '../api/wire.js';
import { useTitle } from '../app/title.js';
import { reviewTitle } from '../queue/waiting-words.js';
import { Empty } from '../ui/empty.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { contextQuery, explanationQuery, factsQuery, versionsQuery } from './queries.js';
import { ReviewView } from './review-view.js';

/** One review: what is to be decided, why, by whom, and the decision. */
export function ReviewPage({ id }: { readonly id: string }) {
  const context = useQuery(contextQuery(id));
  const versions = useQuery(versionsQuery(id));
  // What the panels beside it will ask for is asked for at once.
  usePrefetchQuery(explanationQuery(id));
  usePrefetchQuery(factsQuery(id));
  const { review } = context.data ?? {};
  useTitle(review === undefined ? 'Review' : reviewTitle(review, context.data?.block.label));
  const error = context.error ?? versions.error;
  if (hasCode(error, 'review_not_found')) {
    return (
      <>
        <PageHead title="Review" />
        <Empty title="There is no such review">
          The address may be incomplete. <Link href="/">Go to the inbox</Link>.
        </Empty>
      </>
    );
  }
  if (context.data === undefined || versions.data === undefined) {
    return error === null ? (
      <Loading label="Reading the review" />
    ) : (
      <Notice tone="bad" title="The review could not be read">
        {sentenceOf(error)}
      </Notice>
    );
  }
  return <Known context={context.data} versions={versions.data} />;
}

function Known({
  context,
  versions,
}: {
  readonly context: ReviewContext;
  readonly versions: readonly Version[];
}) {
  // What was newest when the person came is what they have seen; what comes later is told, not slipped in.
  const [seenNewestId, setSeen] = useState(context.review.newest_version_id);
  return (
    <ReviewView
      context={context}
      versions={versions}
      seenNewestId={seenNewestId}
      onSeen={setSeen}
    />
  );
}
