import { useQuery } from '@tanstack/react-query';
import type { Entry, Explanation, ReviewContext } from '../api/wire.js';
import { Icon, type IconName } from '../ui/icon.js';
import { Ago } from '../ui/time.js';
import { explanationQuery } from './queries.js';
import type { NumberedVersion } from './screen.js';

/** Who approved, who is missing, and who could still do it. */
export function Entries({
  context,
  versions,
}: {
  readonly context: ReviewContext;
  readonly versions: readonly NumberedVersion[];
}) {
  const { review, my, gate } = context;
  const { data: explanation } = useQuery(explanationQuery(review.id));
  const needed = review.entries.filter(({ mandatory }) => mandatory);
  const filled = needed.filter(({ status }) => status === 'APPROVED').length;
  return (
    <section className="panel" aria-labelledby="entries-title">
      <header className="panel-head">
        <h2 id="entries-title">Approvals</h2>
        <span className="quiet numeric">
          {filled} of {needed.length}
        </span>
      </header>
      <ul className="entries">
        {review.entries.map((entry) => (
          <EntryLine
            key={entry.key}
            entry={entry}
            explanation={explanation}
            isMine={my.can_fill.includes(entry.key)}
            versions={versions}
          />
        ))}
      </ul>
      {explanation !== undefined && <p className="panel-foot">{explanation.waiting_for}</p>}
      {gate.min_approvals !== null && review.status === 'PENDING' && (
        <p className="panel-foot">{gate.min_approvals} of the group approvals are enough.</p>
      )}
    </section>
  );
}

const ICONS = {
  PENDING: 'clock',
  APPROVED: 'check',
  REJECTED: 'cross',
  REVOKED: 'undo',
} as const satisfies Record<Entry['status'], IconName>;

const WORDS = {
  PENDING: 'open',
  APPROVED: 'approved',
  REJECTED: 'rejected',
  REVOKED: 'revoked',
} as const satisfies Record<Entry['status'], string>;

function EntryLine({
  entry,
  explanation,
  isMine,
  versions,
}: {
  readonly entry: Entry;
  readonly explanation: Explanation | undefined;
  readonly isMine: boolean;
  readonly versions: readonly NumberedVersion[];
}) {
  const { status, vote, mandatory } = entry;
  const missing = explanation?.missing.find(({ key }) => key === entry.key);
  const version = versions.find(({ id }) => id === vote?.version_id);
  return (
    <li className="entry" data-status={status}>
      <span className="entry-icon">
        <Icon name={ICONS[status]} />
        <span className="sr-only">{WORDS[status]}</span>
      </span>
      <div>
        <p className="entry-name">
          {nameOf(entry, explanation)}
          {!mandatory && <span className="tag">optional</span>}
          {isMine && status === 'PENDING' && <span className="tag tag-mine">yours</span>}
        </p>
        {vote !== null && (
          <p className="quiet">
            {vote.reviewer.display_name}, <Ago at={vote.created_at} />
            {version !== undefined && `, version ${version.number}`}
            {vote.forced && ', forced'}
          </p>
        )}
        {vote === null && missing !== undefined && <p className="quiet">{couldFill(missing)}</p>}
      </div>
    </li>
  );
}

function nameOf(entry: Entry, explanation: Explanation | undefined): string {
  switch (entry.kind) {
    case 'anyone':
      return 'Anyone who reviews';
    case 'group':
      return entry.subject;
    case 'reviewer': {
      const missing = explanation?.missing.find(({ key }) => key === entry.key);
      const person = missing?.could_fill.find(({ id }) => id === entry.subject);
      return entry.vote?.reviewer.display_name ?? person?.name ?? entry.subject;
    }
  }
}

const SHOWN_NAMES = 4;

function couldFill({ could_fill: people, kind }: Explanation['missing'][number]): string {
  if (people.length === 0) {
    return 'Nobody can give it at present.';
  }
  const names = people.slice(0, SHOWN_NAMES).map(({ name }) => name);
  const more = people.length - names.length;
  return kind === 'reviewer'
    ? 'Has not voted yet.'
    : `${names.join(', ')}${more > 0 ? ` and ${more} more` : ''} could.`;
}
