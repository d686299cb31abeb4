import { useQuery } from '@tanstack/react-query';
import { type RefObject, useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { Icon } from '../ui/icon.js';
import { Select } from '../ui/select.js';
import { countNarrowing, type Filters, ordersOf, withoutNarrowing } from './filters.js';
import { facetsQuery } from './queries.js';

const SEARCH_DELAY_MS = 250;

const AGES = [
  ['', 'Any age'],
  ['1h', 'Older than 1 hour'],
  ['1d', 'Older than 1 day'],
  ['7d', 'Older than 7 days'],
  ['overdue', 'Overdue'],
] as const;

const STATUSES = [
  ['', 'Any status'],
  ['PENDING', 'Pending'],
  ['APPROVED', 'Approved'],
  ['REJECTED', 'Rejected'],
  ['REVOKED', 'Revoked'],
  ['PROCESSING', 'Processing'],
  ['EXECUTED', 'Executed'],
  ['UNKNOWN', 'Outcome unknown'],
] as const;

const ORDERS = {
  due: 'Due first',
  oldest: 'Oldest first',
  newest: 'Newest first',
} as const satisfies Record<Filters['order'], string>;

/** Narrows the queue; every choice is in the address. */
export function FilterBar({
  filters,
  searchRef,
  onChange,
}: {
  readonly filters: Filters;
  readonly searchRef: RefObject<HTMLInputElement | null>;
  readonly onChange: (change: Partial<Filters>) => void;
}) {
  const { data: facets } = useQuery(facetsQuery);
  const workflows = facets?.workflows ?? [];
  const blocks = (facets?.blocks ?? []).filter(
    ({ workflow_id }) => filters.workflow_id === '' || workflow_id === filters.workflow_id,
  );
  const blockIds = [...new Set(blocks.map(({ block_id }) => block_id))];
  const groups = facets?.groups ?? [];
  const orders = ordersOf(filters.view);
  return (
    <search className="filters">
      <SearchBox
        value={filters.search}
        inputRef={searchRef}
        onSearch={(search) => onChange({ search })}
      />
      <Select
        label="Workflow"
        value={filters.workflow_id}
        options={[
          ['', 'Any workflow'],
          ...workflows.map(({ id, name }) => [id, name ?? id] as const),
        ]}
        onChange={(workflow_id) => onChange({ workflow_id })}
      />
      <Select
        label="Block"
        value={filters.block_id}
        options={[['', 'Any block'], ...blockIds.map((id) => [id, id] as const)]}
        onChange={(block_id) => onChange({ block_id })}
      />
      <Select
        label="Group"
        value={filters.group}
        options={[['', 'Any group'], ...groups.map(({ name }) => [name, name] as const)]}
        onChange={(group) => onChange({ group })}
      />
      <Select
        label="Age"
        value={filters.overdue === '' ? filters.older_than : 'overdue'}
        options={AGES}
        onChange={(age) =>
          onChange(
            age === 'overdue'
              ? { overdue: 'true', older_than: '' }
              : { overdue: '', older_than: age },
          )
        }
      />
      {(filters.view === 'all' || filters.view === 'decided_by_me') && (
        <Select
          label="Status"
          value={filters.status}
          options={STATUSES}
          onChange={(status) => onChange({ status })}
        />
      )}
      <Select
        label="Order"
        value={filters.order}
        options={orders.map((order) => [order, ORDERS[order]] as const)}
        onChange={(order) =>
          onChange({ order: orders.find((known) => known === order) ?? orders[0] })
        }
      />
      {countNarrowing(filters) > 0 && (
        <Link href={withoutNarrowing(filters)} className="button button-ghost">
          Clear filters
        </Link>
      )}
    </search>
  );
}

/** Searches when the typing pauses, and at once on Enter. */
function SearchBox({
  value,
  inputRef,
  onSearch,
}: {
  readonly value: string;
  readonly inputRef: RefObject<HTMLInputElement | null>;
  readonly onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  // What was searched for from here is no news; a cleared filter and the back button are.
  const searched = useRef(value);
  useEffect(() => {
    if (value !== searched.current) {
      searched.current = value;
      setText(value);
    }
  }, [value]);
  const search = (): void => {
    searched.current = text;
    onSearch(text);
  };
  useEffect(() => {
    if (text === searched.current) {
      return undefined;
    }
    const timer = setTimeout(search, SEARCH_DELAY_MS);
    return () => clearTimeout(timer);
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- a new callback is no new text
  }, [text]);
  return (
    <label className="search-box">
      <span className="sr-only">Search reviews</span>
      <Icon name="search" />
      <input
        ref={inputRef}
        type="search"
        placeholder="Search"
        value={text}
        aria-keyshortcuts="/"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === 'Enter') {
            search();
          } else if (event.key === 'Escape') {
            event.currentTarget.blur();
          }
        }}
      />
    </label>
  );
}
