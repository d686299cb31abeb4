import type { Query } from '../api/http.js';
import type { InboxView } from '../api/wire.js';

/** What a queue shows: all of it is in the address, so that a link shows the same. */
export type Filters = {
  readonly view: InboxView;
  readonly workflow_id: string;
  readonly block_id: string;
  readonly group: string;
  readonly older_than: string;
  /** `true`: only what should have been decided by now. */
  readonly overdue: string;
  readonly status: string;
  readonly run_id: string;
  readonly search: string;
  readonly order: 'due' | 'oldest' | 'newest';
  readonly after: string;
  readonly before: string;
};

export const VIEWS = ['waiting', 'open_to_me', 'decided_by_me', 'all'] as const;

const TEXTS = [
  'workflow_id',
  'block_id',
  'group',
  'older_than',
  'overdue',
  'status',
  'run_id',
  'search',
  'after',
  'before',
] as const;

export const PAGE_SIZE = 50;

/** Reads an address; what it does not say is the default. */
export function readFilters(search: string): Filters {
  const params = new URLSearchParams(search);
  const view = VIEWS.find((known) => known === params.get('view')) ?? 'waiting';
  const texts = Object.fromEntries(TEXTS.map((name) => [name, params.get(name) ?? '']));
  return {
    ...EMPTY,
    ...texts,
    overdue: texts['overdue'] === 'true' ? 'true' : '',
    view,
    order: ordersOf(view).find((known) => known === params.get('order')) ?? defaultOrder(view),
  };
}

const EMPTY: Filters = {
  view: 'waiting',
  workflow_id: '',
  block_id: '',
  group: '',
  older_than: '',
  overdue: '',
  status: '',
  run_id: '',
  search: '',
  order: 'due',
  after: '',
  before: '',
};

/** The orders of a view, the usual one first: what is open can be worked off by when it is due. */
export function ordersOf(view: InboxView): readonly [Filters['order'], ...Filters['order'][]] {
  return view === 'waiting' || view === 'open_to_me'
    ? ['due', 'oldest', 'newest']
    : ['newest', 'oldest'];
}

/** What waits is worked off by when it is due, then from its oldest end; what is over is looked back on. */
function defaultOrder(view: InboxView): Filters['order'] {
  return ordersOf(view)[0];
}

/** The address that shows these filters; a changed filter begins at the first page again. */
export function writeFilters(filters: Filters, change: Partial<Filters>): string {
  const isPaging = 'after' in change || 'before' in change;
  const next: Filters = {
    ...filters,
    ...(isPaging ? {} : { after: '', before: '' }),
    ...('workflow_id' in change ? { block_id: '' } : {}),
    ...('view' in change && change.view !== undefined ? { order: defaultOrder(change.view) } : {}),
    ...change,
  };
  const params = new URLSearchParams();
  if (next.view !== 'waiting') {
    params.set('view', next.view);
  }
  for (const name of TEXTS) {
    if (next[name] !== '') {
      params.set(name, next[name]);
    }
  }
  if (next.order !== defaultOrder(next.view)) {
    params.set('order', next.order);
  }
  return params.size === 0 ? '/' : `/?${params.toString()}`;
}

/** The filters that narrow a view, for its query and for its counts alike. */
export function narrowing(filters: Filters): Query {
  const { workflow_id, block_id, group, older_than, overdue, status, run_id, search } = filters;
  return { workflow_id, block_id, group, older_than, overdue, status, run_id, search };
}

/** How many filters narrow the view; the view itself and the order are none. */
export function countNarrowing(filters: Filters): number {
  return Object.values(narrowing(filters)).filter((value) => value !== '').length;
}

/** The same filters without any that narrows. */
export function withoutNarrowing(filters: Filters): string {
  return writeFilters(
    { ...EMPTY, view: filters.view, order: filters.order },
    { order: filters.order },
  );
}
