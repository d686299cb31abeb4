import { useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { sentenceOf } from '../api/http.js';
import { useTitle } from '../app/title.js';
import { Empty } from '../ui/empty.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Ago } from '../ui/time.js';
import { workflowsQuery } from './queries.js';

/** The workflows of the project. */
export function Workflows() {
  useTitle('Workflows');
  const { data: page, error } = useQuery(workflowsQuery);
  return (
    <>
      <PageHead title="Workflows" />
      {error !== null && (
        <Notice tone="bad" title="The workflows could not be read">
          {sentenceOf(error)}
        </Notice>
      )}
      {page === undefined && error === null && <Loading label="Reading the workflows" />}
      {page?.data.length === 0 && (
        <Empty title="No workflow is declared yet">
          <p>An author stores a definition, and it appears here:</p>
          <pre className="command">countersign workflow push invoices.json</pre>
        </Empty>
      )}
      {page !== undefined && page.data.length > 0 && (
        <table className="list" role="table">
          <caption className="sr-only">Workflows</caption>
          <thead role="rowgroup">
            <tr role="row">
              <th role="columnheader" scope="col">
                Workflow
              </th>
              <th role="columnheader" scope="col" data-numeric="true">
                Version
              </th>
              <th role="columnheader" scope="col" className="cell-age">
                Changed
              </th>
            </tr>
          </thead>
          <tbody role="rowgroup">
            {page.data.map(({ id, name, version, updated_at: at }) => (
              <tr key={id} role="row">
                <td role="cell" className="cell-main">
                  <Link href={`/workflows/${id}`} className="row-link">
                    {name ?? id}
                  </Link>
                  <p className="row-about">
                    <code>{id}</code>
                  </p>
                </td>
                <td role="cell" data-numeric="true">
                  {version}
                </td>
                <td role="cell" className="cell-age">
                  <Ago at={at} isShort />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </>
  );
}
