import { Link } from 'wouter';
import type { SessionPerson } from '../api/wire.js';
import { Empty } from '../ui/empty.js';
import { countNarrowing, type Filters, withoutNarrowing } from './filters.js';

/** What an empty queue says: what would appear here, and how to try one. */
export function EmptyQueue({
  filters,
  person,
}: {
  readonly filters: Filters;
  readonly person: SessionPerson;
}) {
  if (countNarrowing(filters) > 0) {
    return (
      <Empty title="Nothing matches these filters">
        <p>
          <Link href={withoutNarrowing(filters)}>Clear the filters</Link> to see the whole view.
        </p>
      </Empty>
    );
  }
  const groups =
    person.groups.length === 0
      ? 'You are in no group, so that is only what anyone may approve, or what names you.'
      : `Your groups: ${person.groups.join(', ')}.`;
  switch (filters.view) {
    case 'waiting':
      return (
        <Empty title="Nothing waits for you">
          <p>
            A review appears here when a run stops at a gate and one of its open approvals is yours
            to give. {groups}
          </p>
          <TryOne />
        </Empty>
      );
    case 'open_to_me':
      return (
        <Empty title="Nothing is open to you">
          <p>
            Open reviews appear here that you could act on: approve, correct, or reject. {groups}
          </p>
          <TryOne />
        </Empty>
      );
    case 'decided_by_me':
      return (
        <Empty title="You have not decided anything yet">
          <p>Every review on which you voted stays here, with what became of it.</p>
        </Empty>
      );
    case 'all':
      return (
        <Empty title="No run has stopped at a gate yet">
          <p>Every review of the project appears here, open or over.</p>
          <TryOne />
        </Empty>
      );
  }
}

function TryOne() {
  return (
    <>
      <p>To try one, start a run of the example:</p>
      <pre className="command">npm run demo</pre>
    </>
  );
}
