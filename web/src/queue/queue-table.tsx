import { memo } from 'react';
import { Link } from 'wouter';
import type { InboxRow } from '../api/wire.js';
import { Status } from '../ui/status.js';
import { Ago, Due } from '../ui/time.js';
import { becauseWords } from '../review/because.js';
import { isDecidable, progressOf, reviewTitle } from './waiting-words.js';

// The roles are spelled out because narrow screens lay the table out as a list, which would take them away.

/** The rows of one page. */
export function QueueTable({
  rows,
  selected,
  isFading,
  onToggle,
  onToggleAll,
}: {
  readonly rows: readonly InboxRow[];
  readonly selected: ReadonlySet<string>;
  readonly isFading: boolean;
  readonly onToggle: (id: string) => void;
  readonly onToggleAll: (isOn: boolean) => void;
}) {
  const decidable = rows.filter(isDecidable);
  const isAll = decidable.length > 0 && decidable.every(({ id }) => selected.has(id));
  return (
    <table
      className="queue"
      role="table"
      aria-busy={isFading}
      data-selectable={decidable.length > 0}
    >
      <caption className="sr-only">Reviews</caption>
      <thead role="rowgroup">
        <tr role="row">
          {decidable.length > 0 && (
            <th role="columnheader" scope="col" className="cell-select">
              <label className="hit">
                <span className="sr-only">Select every review that you can decide</span>
                <input
                  type="checkbox"
                  checked={isAll}
                  onChange={(event) => onToggleAll(event.target.checked)}
                />
              </label>
            </th>
          )}
          <th role="columnheader" scope="col">
            Review
          </th>
          <th role="columnheader" scope="col">
            Waits for
          </th>
          <th role="columnheader" scope="col">
            Status
          </th>
          <th role="columnheader" scope="col" className="cell-age">
            Age
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {rows.map((row) => (
          <Row
            key={row.id}
            row={row}
            hasBox={decidable.length > 0}
            isSelected={selected.has(row.id)}
            onToggle={onToggle}
          />
        ))}
      </tbody>
    </table>
  );
}

const Row = memo(function Row({
  row,
  hasBox,
  isSelected,
  onToggle,
}: {
  readonly row: InboxRow;
  readonly hasBox: boolean;
  readonly isSelected: boolean;
  readonly onToggle: (id: string) => void;
}) {
  const title = reviewTitle(row);
  return (
    <tr role="row" data-id={row.id} aria-selected={isSelected}>
      {hasBox && (
        <td role="cell" className="cell-select">
          {isDecidable(row) && (
            <label className="hit">
              <span className="sr-only">{`Select ${title}, ${row.id.slice(-6)}`}</span>
              <input type="checkbox" checked={isSelected} onChange={() => onToggle(row.id)} />
            </label>
          )}
        </td>
      )}
      <td role="cell" className="cell-review">
        <p className="row-title">
          <Link href={`/reviews/${row.id}`} className="row-link">
            {title}
          </Link>
          <span className="row-about">
            {row.workflow_name ?? row.workflow_id} · {row.block_id}
          </span>
          {row.placement === 'input' && <span className="tag">before it runs</span>}
        </p>
        <p className="row-because">
          {becauseWords(row)}
          <code className="row-id">{row.id.slice(-6)}</code>
        </p>
      </td>
      <td role="cell" className="cell-waits">
        {row.status === 'PENDING' ? <Waits row={row} /> : <Outcome row={row} />}
      </td>
      <td role="cell" className="cell-status">
        <Status of={row.status} />
        {row.due_at !== null && row.status === 'PENDING' && (
          <span className="row-due">
            <Due at={row.due_at} />
          </span>
        )}
        {row.resume_status === 'pending' && row.status !== 'PENDING' && (
          <span className="row-note">not told yet</span>
        )}
        {row.resume_status === 'failed' && <span className="row-note">workflow is gone</span>}
      </td>
      <td role="cell" className="cell-age">
        <Ago at={row.created_at} isShort />
      </td>
    </tr>
  );
});

function Waits({ row }: { readonly row: InboxRow }) {
  return (
    <ul className="progress">
      {progressOf(row.entries, row.can_fill).map(({ label, filled, needed, isMine }) => (
        <li key={label} data-mine={isMine} data-done={filled >= needed}>
          {label}{' '}
          <span className="numeric">
            {filled}/{needed}
          </span>
          {isMine && <span className="sr-only">, you can fill it</span>}
        </li>
      ))}
      {row.my_vote !== null && <li data-voted="true">you: {row.my_vote.verdict}</li>}
    </ul>
  );
}

function Outcome({ row }: { readonly row: InboxRow }) {
  const by = row.decision?.author.display_name;
  return (
    <p className="row-outcome">
      {by === undefined ? 'The run was cancelled' : `by ${by}`}
      {row.my_vote !== null && <span className="tag">you: {row.my_vote.verdict}</span>}
    </p>
  );
}
