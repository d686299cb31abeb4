import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { sentenceOf } from '../api/http.js';
import type { Run } from '../api/wire.js';
import { useTitle } from '../app/title.js';
import { Empty } from '../ui/empty.js';
import { Icon } from '../ui/icon.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Pager } from '../ui/pager.js';
import { Select } from '../ui/select.js';
import { Status } from '../ui/status.js';
import { Ago } from '../ui/time.js';
import { workflowsQuery } from '../workflows/queries.js';
import { runsQuery } from './queries.js';

const STATUSES = [
  ['', 'Any status'],
  ['awaiting_review', 'Awaiting review'],
  ['running', 'Running'],
  ['pending', 'Pending'],
  ['completed', 'Completed'],
  ['error', 'Error'],
  ['cancelled', 'Cancelled'],
] as const;

const PARAMS = ['workflow_id', 'status', 'search', 'after', 'before'] as const;

/** The list of runs, newest first. */
export function Runs() {
  useTitle('Runs');
  const params = new URLSearchParams(useSearch());
  const [, navigate] = useLocation();
  const query = Object.fromEntries(PARAMS.map((name) => [name, params.get(name) ?? '']));
  const { data: page, error } = useQuery(runsQuery(query));
  const { data: workflows } = useQuery(workflowsQuery);
  const href = (change: Readonly<Record<string, string>>): string => {
    const isPaging = 'after' in change || 'before' in change;
    const next = { ...query, ...(isPaging ? {} : { after: '', before: '' }), ...change };
    const search = new URLSearchParams(Object.entries(next).filter(([, value]) => value !== ''));
    return search.size === 0 ? '/runs' : `/runs?${search.toString()}`;
  };
  const { before = null, after = null } = page?.list_metadata ?? {};
  const isNarrowed = ['workflow_id', 'status', 'search'].some((name) => query[name] !== '');
  return (
    <>
      <PageHead title="Runs" />
      <search className="filters">
        <SearchBox
          value={query['search'] ?? ''}
          onSearch={(search) => navigate(href({ search }))}
        />
        <Select
          label="Workflow"
          value={query['workflow_id'] ?? ''}
          options={[
            ['', 'Any workflow'],
            ...(workflows?.data ?? []).map(({ id, name }) => [id, name ?? id] as const),
          ]}
          onChange={(id) => navigate(href({ workflow_id: id }))}
        />
        <Select
          label="Status"
          value={query['status'] ?? ''}
          options={STATUSES}
          onChange={(status) => navigate(href({ status }))}
        />
        {isNarrowed && (
          <Link href="/runs" className="button button-ghost">
            Clear filters
          </Link>
        )}
      </search>
      {error !== null && (
        <Notice tone="bad" title="The runs could not be read">
          {sentenceOf(error)}
        </Notice>
      )}
      {page === undefined && error === null && <Loading label="Reading the runs" />}
      {page !== undefined &&
        (page.data.length === 0 ? (
          <Empty title={isNarrowed ? 'No run matches these filters' : 'Nothing has run yet'}>
            {!isNarrowed && (
              <>
                <p>Every execution of a workflow appears here. To try one:</p>
                <pre className="command">npm run demo</pre>
              </>
            )}
          </Empty>
        ) : (
          <>
            <RunTable
              runs={page.data}
              names={new Map(workflows?.data.map(({ id, name }) => [id, name ?? id]))}
            />
            <Pager
              label="Pages of runs"
              previous={before === null ? null : href({ before, after: '' })}
              next={after === null ? null : href({ after, before: '' })}
            />
          </>
        ))}
    </>
  );
}

function RunTable({
  runs,
  names,
}: {
  readonly runs: readonly Run[];
  readonly names: ReadonlyMap<string, string>;
}) {
  return (
    <table className="list" role="table">
      <caption className="sr-only">Runs</caption>
      <thead role="rowgroup">
        <tr role="row">
          <th role="columnheader" scope="col">
            Run
          </th>
          <th role="columnheader" scope="col">
            Status
          </th>
          <th role="columnheader" scope="col">
            Waits at
          </th>
          <th role="columnheader" scope="col">
            Owner
          </th>
          <th role="columnheader" scope="col" className="cell-age">
            Started
          </th>
        </tr>
      </thead>
      <tbody role="rowgroup">
        {runs.map((run) => (
          <tr key={run.id} role="row">
            <td role="cell" className="cell-main">
              <Link href={`/runs/${run.id}`} className="row-link">
                {names.get(run.workflow_id) ?? run.workflow_id}
              </Link>
              <p className="row-about">
                <code>{run.id}</code>
              </p>
            </td>
            <td role="cell">
              <Status of={run.lifecycle.status} />
            </td>
            <td role="cell" className="quiet">
              {run.lifecycle.status === 'awaiting_review' &&
                run.lifecycle.waiting_for_block_ids.join(', ')}
            </td>
            <td role="cell" className="quiet">
              {run.owner_id ?? ''}
            </td>
            <td role="cell" className="cell-age">
              <Ago at={run.timing.created_at} isShort />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Searches on Enter: the list is long, and every letter would be a question. */
function SearchBox({
  value,
  onSearch,
}: {
  readonly value: string;
  readonly onSearch: (text: string) => void;
}) {
  const [text, setText] = useState(value);
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        onSearch(text.trim());
      }}
    >
      <label className="search-box">
        <span className="sr-only">Search runs by id</span>
        <Icon name="search" />
        <input
          type="search"
          placeholder="Run or workflow id"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
      </label>
    </form>
  );
}
