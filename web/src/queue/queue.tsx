import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { sentenceOf } from '../api/http.js';
import type { InboxCounts, InboxRow, SessionPerson } from '../api/wire.js';
import { useShortcuts } from '../app/shortcuts.js';
import { useTitle } from '../app/title.js';
import { Button } from '../ui/button.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Pager } from '../ui/pager.js';
import { BulkDialog } from './bulk-dialog.js';
import { EmptyQueue } from './empty-queue.js';
import { FilterBar } from './filter-bar.js';
import { type Filters, readFilters, VIEWS, writeFilters } from './filters.js';
import { countsQuery, pageQuery } from './queries.js';
import { moveFocus, ROW_LINK } from './row-focus.js';
import { QueueTable } from './queue-table.js';
import { isDecidable } from './waiting-words.js';

const VIEW_NAMES = {
  waiting: 'Waiting for me',
  open_to_me: 'Open to me',
  decided_by_me: 'Decided by me',
  all: 'All',
} as const satisfies Record<Filters['view'], string>;

type Bulk = {
  readonly verdict: 'approved' | 'rejected';
  readonly rows: readonly InboxRow[];
};

/** The queue: the reviews of one view, filtered, one page at a time. */
export function Queue({ person }: { readonly person: SessionPerson }) {
  useTitle('Inbox');
  const filters = readFilters(useSearch());
  const [, navigate] = useLocation();
  const change = (next: Partial<Filters>): void => navigate(writeFilters(filters, next));
  const { data: page, error, isPlaceholderData } = useQuery(pageQuery(filters));
  // Rows first: where ten thousand are open, counting them takes longer than reading fifty.
  const isThere = page !== undefined && !isPlaceholderData;
  const { data: counts } = useQuery({ ...countsQuery(filters), enabled: isThere });
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [bulk, setBulk] = useState<Bulk | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const rows = page?.data ?? [];
  const chosen = rows.filter((row) => selected.has(row.id) && isDecidable(row));
  const { before = null, after = null } = page?.list_metadata ?? {};

  usePrefetch(filters, after);
  const toggle = (id: string): void => setSelected(toggled(selected, id));
  const open = (verdict: Bulk['verdict']): void => {
    if (chosen.length > 0) {
      setBulk({ verdict, rows: chosen });
    }
  };
  useShortcuts('Inbox', [
    { key: 'j', does: 'Next review', run: () => moveFocus(1) },
    { key: 'k', does: 'Previous review', run: () => moveFocus(-1) },
    { key: 'Enter', does: 'Open the review', run: openFocused },
    { key: 'x', does: 'Select the review', run: () => toggleFocused(rows, toggle) },
    { key: 'a', does: 'Approve the selection', run: () => open('approved') },
    { key: 'r', does: 'Reject the selection', run: () => open('rejected') },
    { key: '/', does: 'Search', run: () => search.current?.focus() },
    { key: ']', does: 'Next page', run: () => after !== null && change({ after, before: '' }) },
    {
      key: '[',
      does: 'Previous page',
      run: () => before !== null && change({ before, after: '' }),
    },
  ]);

  return (
    <>
      <PageHead title="Inbox" />
      <nav className="tabs" aria-label="Views">
        {VIEWS.map((view) => (
          <Link
            key={view}
            href={writeFilters(filters, { view })}
            className="tab"
            aria-current={view === filters.view ? 'page' : undefined}
          >
            {VIEW_NAMES[view]}
            {counts !== undefined && <Count counts={counts} view={view} />}
          </Link>
        ))}
      </nav>
      <FilterBar filters={filters} searchRef={search} onChange={change} />
      {error !== null && (
        <Notice tone="bad" title="The queue could not be read">
          {sentenceOf(error)}
        </Notice>
      )}
      {page === undefined && error === null && <Loading label="Reading the queue" />}
      {page !== undefined && rows.length === 0 && <EmptyQueue filters={filters} person={person} />}
      {rows.length > 0 && (
        <>
          <QueueTable
            rows={rows}
            selected={selected}
            isFading={isPlaceholderData}
            onToggle={toggle}
            onToggleAll={(isOn) =>
              setSelected(new Set(isOn ? rows.filter(isDecidable).map(({ id }) => id) : []))
            }
          />
          <Pager
            label="Pages of the queue"
            previous={before === null ? null : writeFilters(filters, { before, after: '' })}
            next={after === null ? null : writeFilters(filters, { after, before: '' })}
          />
        </>
      )}
      {chosen.length > 0 && (
        <section className="bulk-bar" aria-label="Selection">
          <p>
            <strong>{chosen.length}</strong> selected
          </p>
          <Button look="ghost" onClick={() => setSelected(new Set())}>
            Clear
          </Button>
          <Button icon="cross" shortcut="r" onClick={() => open('rejected')}>
            Reject
          </Button>
          <Button look="main" icon="check" shortcut="a" onClick={() => open('approved')}>
            Approve
          </Button>
        </section>
      )}
      {bulk !== null && (
        <BulkDialog
          verdict={bulk.verdict}
          rows={bulk.rows}
          onClose={() => {
            setBulk(null);
            setSelected(new Set());
          }}
        />
      )}
    </>
  );
}

function Count({ counts, view }: { readonly counts: InboxCounts; readonly view: Filters['view'] }) {
  const count = counts[view];
  return (
    <span className="count">
      {count >= counts.capped_at ? `${counts.capped_at.toLocaleString()}+` : count.toLocaleString()}
    </span>
  );
}

/** Reads the next page while this one is looked at. */
function usePrefetch(filters: Filters, after: string | null): void {
  const queries = useQueryClient();
  const next = after === null ? null : { ...filters, after, before: '' };
  const key = next === null ? '' : JSON.stringify(next);
  useEffect(() => {
    if (next !== null) {
      void queries.prefetchQuery(pageQuery(next));
    }
    // oxlint-disable-next-line react-hooks/exhaustive-deps -- the key is the filters' value
  }, [key, queries]);
}

function toggled(set: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(set);
  if (!next.delete(id)) {
    next.add(id);
  }
  return next;
}

/** Enter on a focused link is the browser's; from anywhere else it opens the first row. */
function openFocused(): void {
  const link = document.activeElement?.closest('tr')?.querySelector<HTMLElement>(ROW_LINK);
  if (
    document.activeElement instanceof HTMLElement &&
    document.activeElement.matches('a, button')
  ) {
    document.activeElement.click();
  } else {
    (link ?? document.querySelector<HTMLElement>(ROW_LINK))?.click();
  }
}

function toggleFocused(rows: readonly InboxRow[], toggle: (id: string) => void): void {
  const id = document.activeElement?.closest('tr')?.dataset['id'];
  const row = rows.find((each) => each.id === id);
  if (row !== undefined && isDecidable(row)) {
    toggle(row.id);
  }
}
