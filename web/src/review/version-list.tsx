import { Link } from 'wouter';
import type { MyPart } from '../api/wire.js';
import { Ago } from '../ui/time.js';
import type { Screen } from './screen.js';
import { writeScreen } from './screen.js';

/** The versions of a review, newest first, each with what it changed. */
export function VersionList({
  screen,
  reviewId,
  standingVote,
}: {
  readonly screen: Screen;
  readonly reviewId: string;
  readonly standingVote: MyPart['vote'];
}) {
  const { versions, shown, newest } = screen;
  return (
    <section className="panel" aria-labelledby="versions-title">
      <header className="panel-head">
        <h2 id="versions-title">Versions</h2>
        <span className="quiet numeric">{versions.length}</span>
      </header>
      <ol className="versions" reversed>
        {versions.toReversed().map((version) => (
          <li key={version.id} aria-current={version.id === shown.id ? 'true' : undefined}>
            <p className="version-name">
              <Link
                href={writeScreen(reviewId, { version: version.id, against: null, show: 'fields' })}
              >
                Version {version.number}
              </Link>
              {version.id === newest?.id && versions.length > 1 && (
                <span className="tag">newest</span>
              )}
              {version.id === standingVote?.version_id && (
                <span className="tag tag-mine">your vote</span>
              )}
            </p>
            <p className="quiet">
              {version.parent_id === null ? 'From the run' : version.author.display_name},{' '}
              <Ago at={version.created_at} />
            </p>
            {version.note !== null && <p className="version-note">{version.note}</p>}
            {version.parent_id !== null && (
              <Link
                className="quiet-link"
                href={writeScreen(reviewId, {
                  version: version.id,
                  against: version.parent_id,
                  show: 'changes',
                })}
              >
                What it changed
              </Link>
            )}
          </li>
        ))}
      </ol>
    </section>
  );
}
