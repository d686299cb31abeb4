import { queryOptions, useQuery } from '@tanstack/react-query';
import { Link } from 'wouter';
import { get, sentenceOf } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { Diagnosis, Operations, SessionPerson } from '../api/wire.js';
import { mayOperate } from '../app/session.js';
import { useTitle } from '../app/title.js';
import { age } from '../ui/ages.js';
import { Button } from '../ui/button.js';
import { Empty } from '../ui/empty.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { PageHead } from '../ui/page-head.js';
import { Ago } from '../ui/time.js';

const operationsQuery = queryOptions({
  queryKey: [...KEYS.operations, 'owed'],
  queryFn: ({ signal }) => get<Operations>('/v1/operations', {}, signal),
  refetchInterval: 10_000,
});

/** Doctor asks Temporal about every open run, so it is asked on demand. */
const doctorQuery = queryOptions({
  queryKey: ['doctor'],
  queryFn: ({ signal }) => get<Diagnosis>('/v1/doctor', {}, signal),
  staleTime: Number.POSITIVE_INFINITY,
  retry: false,
});

/** The operator's page: what Temporal is owed, what failed, and what doctor finds. */
export function OperationsPage({ person }: { readonly person: SessionPerson }) {
  useTitle('Operations');
  const isAllowed = mayOperate(person);
  const { data, error } = useQuery({ ...operationsQuery, enabled: isAllowed });
  if (!isAllowed) {
    return (
      <>
        <PageHead title="Operations" />
        <Empty title="This page is for operators">
          It takes the role admin or auditor. An admin can give it to you.
        </Empty>
      </>
    );
  }
  return (
    <>
      <PageHead title="Operations" />
      {error !== null && (
        <Notice tone="bad" title="The state could not be read">
          {sentenceOf(error)}
        </Notice>
      )}
      {data === undefined && error === null && <Loading label="Reading the state" />}
      {data !== undefined && <State operations={data} />}
      <Doctor />
    </>
  );
}

const TEMPORAL = {
  reachable: ['Reachable', 'good'],
  away: ['Away', 'bad'],
  unknown: ['Not known yet', 'over'],
} as const;

function State({ operations }: { readonly operations: Operations }) {
  const { owed, messages, reconciler, unknown_outcomes: unknown } = operations;
  const [word, tone] = TEMPORAL[reconciler.temporal];
  return (
    <>
      <dl className="figures">
        <div>
          <dt>Temporal</dt>
          <dd>
            <span className="status" data-tone={tone}>
              {word}
            </span>
            {reconciler.since !== null && (
              <span className="figure-note">
                since <Ago at={reconciler.since} />
              </span>
            )}
          </dd>
        </div>
        <div>
          <dt>Owed</dt>
          <dd className="numeric">{owed.pending.toLocaleString()}</dd>
        </div>
        <div>
          <dt>Oldest</dt>
          <dd className="numeric">
            {owed.oldest_seconds === null ? '—' : age(owed.oldest_seconds)}
          </dd>
        </div>
        <div data-alarm={owed.failed > 0}>
          <dt>Failed</dt>
          <dd className="numeric">{owed.failed.toLocaleString()}</dd>
        </div>
        <div data-alarm={unknown.length > 0}>
          <dt>Outcomes unknown</dt>
          <dd className="numeric">{unknown.length}</dd>
        </div>
      </dl>
      <section className="panel" aria-labelledby="owed-title">
        <header className="panel-head">
          <h2 id="owed-title">What Temporal is owed</h2>
        </header>
        {messages.length === 0 ? (
          <p className="panel-empty">Nothing: Temporal knows everything that was recorded.</p>
        ) : (
          <div className="scroll-x" tabIndex={0} role="region" aria-label="Messages">
            <table className="rows">
              <thead>
                <tr>
                  <th scope="col">Message</th>
                  <th scope="col">For</th>
                  <th scope="col">State</th>
                  <th scope="col" data-numeric="true">
                    Attempts
                  </th>
                  <th scope="col">Last error</th>
                  <th scope="col">Age</th>
                </tr>
              </thead>
              <tbody>
                {messages.map((item) => (
                  <tr key={item.id}>
                    <th scope="row">{item.kind}</th>
                    <td>
                      {item.review_id !== null ? (
                        <Link href={`/reviews/${item.review_id}`}>review</Link>
                      ) : (
                        <Link href={`/runs/${item.run_id}`}>run</Link>
                      )}
                    </td>
                    <td>{item.state}</td>
                    <td data-numeric="true">{item.attempts}</td>
                    <td>{item.last_error ?? '—'}</td>
                    <td className="nowrap">{age(item.age_seconds)}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      {unknown.length > 0 && (
        <section className="panel" aria-labelledby="unknown-title">
          <header className="panel-head">
            <h2 id="unknown-title">Outcomes unknown</h2>
          </header>
          <p className="panel-intro">
            These blocks may or may not have done their work. Find out, and say so on the page of
            their run; then it can be retried.
          </p>
          <ul className="steps">
            {unknown.map(({ step_id: stepId, run_id: runId, ended_at: at }) => (
              <li key={stepId}>
                <Link href={`/runs/${runId}`}>
                  <code>{stepId}</code>
                </Link>
                {at !== null && (
                  <span className="quiet">
                    <Ago at={at} />
                  </span>
                )}
              </li>
            ))}
          </ul>
        </section>
      )}
    </>
  );
}

function Doctor() {
  const { data, error, isFetching, refetch, dataUpdatedAt } = useQuery(doctorQuery);
  const failure = data?.temporal_error ?? (error === null ? null : sentenceOf(error));
  return (
    <section className="panel" aria-labelledby="doctor-title">
      <header className="panel-head">
        <h2 id="doctor-title">Doctor</h2>
        <span className="panel-tools">
          {data !== undefined && (
            <span className="quiet">
              checked <Ago at={new Date(dataUpdatedAt).toISOString()} />
            </span>
          )}
          <Button look="ghost" isBusy={isFetching} onClick={() => void refetch()}>
            Check again
          </Button>
        </span>
      </header>
      {failure !== null && <p className="panel-empty">{failure}</p>}
      {data === undefined && error === null && (
        <Loading label="Comparing the store with Temporal" />
      )}
      {failure === null && data?.findings.length === 0 && data.complete && (
        <p className="panel-empty">The store and Temporal agree: nothing is stuck.</p>
      )}
      {failure === null && data?.complete === false && (
        <p className="panel-empty">
          There is more than can be looked at from here: <code>countersign doctor</code> looks at
          all of it.
        </p>
      )}
      {data !== undefined && data.findings.length > 0 && (
        <ul className="findings">
          {data.findings.map((finding) => (
            <li key={`${finding.code} ${finding.run_id} ${finding.review_id} ${finding.message}`}>
              <p className="finding-code">
                <code>{finding.code}</code>
                {finding.review_id !== null && (
                  <Link href={`/reviews/${finding.review_id}`}>review</Link>
                )}
                {finding.run_id !== null && <Link href={`/runs/${finding.run_id}`}>run</Link>}
              </p>
              <p>{finding.message}</p>
              {finding.can_be_mended && (
                <p className="quiet">
                  <code>countersign doctor --fix</code> mends it.
                </p>
              )}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
