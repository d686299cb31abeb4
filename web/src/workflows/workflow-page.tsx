import { useQuery } from '@tanstack/react-query';
import { Link, useLocation, useSearch } from 'wouter';
import { hasCode, sentenceOf } from '../api/http.js';
import type { JsonObject, WorkflowVersion } from '../api/wire.js';
import { useTitle } from '../app/title.js';
import { BlockGraph } from '../runs/block-graph.js';
import { Empty } from '../ui/empty.js';
import { Icon } from '../ui/icon.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Select } from '../ui/select.js';
import { Ago } from '../ui/time.js';
import { gateWords } from './gate-words.js';
import { workflowQuery, workflowVersionsQuery } from './queries.js';
import { allBlocks, readBlock } from './stored-block.js';

/** One workflow: its versions, and what each gate asks in plain words. */
export function WorkflowPage({ id }: { readonly id: string }) {
  const [, navigate] = useLocation();
  const wanted = new URLSearchParams(useSearch()).get('version');
  const { data: workflow, error } = useQuery(workflowQuery(id));
  const { data: versions } = useQuery(workflowVersionsQuery(id));
  const versionId = wanted ?? workflow?.version_id ?? null;
  const version = versions?.data.find((each) => each.id === versionId);
  useTitle(workflow?.name ?? id);
  if (hasCode(error, 'workflow_not_found')) {
    return (
      <>
        <PageHead title="Workflow" />
        <Empty title="There is no such workflow">
          <Link href="/workflows">See all workflows</Link>.
        </Empty>
      </>
    );
  }
  if (workflow === undefined || versionId === null) {
    return error === null ? (
      <Loading label="Reading the workflow" />
    ) : (
      <Notice tone="bad" title="The workflow could not be read">
        {sentenceOf(error)}
      </Notice>
    );
  }
  const isOld = versionId !== workflow.version_id;
  return (
    <>
      <PageHead
        crumbs={<Link href="/workflows">Workflows</Link>}
        title={workflow.name ?? id}
        about={<code>{id}</code>}
        actions={
          <>
            <Select
              label="Version"
              value={versionId}
              options={(versions?.data ?? [])
                .toReversed()
                .map((version) => [
                  version.id,
                  `Version ${version.version}${version.is_current ? ' · current' : ''}`,
                ])}
              onChange={(next) =>
                navigate(
                  next === workflow.version_id
                    ? `/workflows/${id}`
                    : `/workflows/${id}?version=${next}`,
                )
              }
            />
            <Link
              className="button button-plain"
              href={`/runs?workflow_id=${encodeURIComponent(id)}`}
            >
              <span>Its runs</span>
            </Link>
          </>
        }
      />
      {isOld && (
        <Notice>
          This is an earlier version. New runs take{' '}
          <Link href={`/workflows/${id}`}>the current one</Link>; runs that began with it stay with
          it.
        </Notice>
      )}
      {version !== undefined && <Definition version={version} />}
    </>
  );
}

function Definition({ version }: { readonly version: WorkflowVersion }) {
  const blocks = version.blocks.map(readBlock);
  return (
    <>
      <section className="panel" aria-labelledby="blocks-title">
        <header className="panel-head">
          <h2 id="blocks-title">Blocks</h2>
          <span className="quiet">
            stored by {version.created_by}, <Ago at={version.created_at} />
          </span>
        </header>
        <BlockGraph label="Blocks of this workflow" blocks={blocks}>
          {(blockId) => {
            const block = blocks.find(({ id }) => id === blockId);
            return (
              <div className="node">
                <span className="node-name">{block?.label ?? blockId}</span>
                <span className="node-about">
                  <span className="quiet">{block?.type.replaceAll('_', ' ')}</span>
                  {block !== undefined && block.review !== null && (
                    <span className="tag tag-gate">
                      <Icon name="gate" /> gate
                    </span>
                  )}
                </span>
              </div>
            );
          }}
        </BlockGraph>
      </section>
      <Gates blocks={version.blocks} />
      <details className="panel definition">
        <summary>The stored definition as JSON</summary>
        <pre tabIndex={0} aria-label="The stored definition">
          {JSON.stringify({ id: version.workflow_id, blocks: version.blocks }, null, 2)}
        </pre>
      </details>
    </>
  );
}

function Gates({ blocks }: { readonly blocks: readonly JsonObject[] }) {
  const gated = allBlocks(blocks).filter(({ review }) => review !== null);
  return (
    <section className="panel" aria-labelledby="gates-title">
      <header className="panel-head">
        <h2 id="gates-title">Gates</h2>
        <span className="quiet numeric">{gated.length}</span>
      </header>
      {gated.length === 0 ? (
        <p className="panel-empty">No block of this version waits for people.</p>
      ) : (
        gated.map(({ id, label, review }) =>
          review === null ? null : (
            <section key={id} className="gate-words">
              <h3>
                {review.name ?? label ?? id} <code>{id}</code>
              </h3>
              <ul>
                {gateWords(review).map((sentence) => (
                  <li key={sentence}>{sentence}</li>
                ))}
              </ul>
            </section>
          ),
        )
      )}
    </section>
  );
}
