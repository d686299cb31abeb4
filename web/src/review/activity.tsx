import { useQuery } from '@tanstack/react-query';
import type { Fact } from '../api/wire.js';
import { Ago } from '../ui/time.js';
import { factsQuery } from './queries.js';
import type { NumberedVersion } from './screen.js';

/** Everything that was recorded of a review, the latest first; nothing where nothing was. */
export function Activity({
  reviewId,
  versions,
}: {
  readonly reviewId: string;
  readonly versions: readonly NumberedVersion[];
}) {
  const { data: facts } = useQuery(factsQuery(reviewId));
  if (facts === undefined || facts.length === 0) {
    return null;
  }
  return (
    <section className="panel" aria-labelledby="activity-title">
      <header className="panel-head">
        <h2 id="activity-title">Activity</h2>
      </header>
      <ol className="activity" reversed>
        {facts.toReversed().map((fact) => (
          <li key={fact.id}>
            <p>
              <strong>{fact.actor.display_name}</strong> {whatHappened(fact, versions)}
            </p>
            {fact.reason !== null && <q className="reason">{fact.reason}</q>}
            <p className="quiet">
              <Ago at={fact.created_at} />
            </p>
          </li>
        ))}
      </ol>
    </section>
  );
}

function whatHappened(fact: Fact, versions: readonly NumberedVersion[]): string {
  switch (fact.kind) {
    case 'withdrawn':
      return 'took their approval back';
    case 'reassigned': {
      const who = fact.to === null ? 'somebody else' : fact.to.subject;
      return `gave the approval of ${fact.entry ?? 'an entry'} to ${who}`;
    }
    case 'release_requested':
      return 'released it';
    case 'cancelled':
      return 'cancelled its run';
    case 'vote': {
      const version = versions.find(({ id }) => id === fact.version_id);
      const what = version === undefined ? 'it' : `version ${version.number}`;
      return `${fact.verdict ?? 'voted on'} ${what}${fact.forced ? ' (forced)' : ''}`;
    }
  }
}
