import { useQuery } from '@tanstack/react-query';
import { lazy, Suspense, useEffect } from 'react';
import { Route, Switch, useLocation } from 'wouter';
import { sentenceOf } from '../api/http.js';
import { Queue } from '../queue/queue.js';
import { ReviewPage } from '../review/review-page.js';
import { SignIn } from '../signin/sign-in.js';
import { SignInLinkPage } from '../signin/sign-in-link.js';
import { Notice } from '../ui/notice.js';
import { Loading } from '../ui/loading.js';
import { Boundary } from './boundary.js';
import { NotFound } from './not-found.js';
import { sessionQuery } from './session.js';
import { Shell } from './shell.js';
import { toSignIn } from './sign-in-again.js';

// Most people come for the queue and a review; the rest is loaded when it is asked for.
const Runs = lazy(async () => ({ default: (await import('../runs/runs.js')).Runs }));
const RunPage = lazy(async () => ({ default: (await import('../runs/run-page.js')).RunPage }));
const Workflows = lazy(async () => ({
  default: (await import('../workflows/workflows.js')).Workflows,
}));
const WorkflowPage = lazy(async () => ({
  default: (await import('../workflows/workflow-page.js')).WorkflowPage,
}));
const OperationsPage = lazy(async () => ({
  default: (await import('../operations/operations-page.js')).OperationsPage,
}));

/** The whole of it: which page an address shows, and that one has to be signed in to see most of them. */
export function App() {
  return (
    <Boundary>
      <Switch>
        <Route path="/signin/link/:code">{({ code }) => <SignInLinkPage code={code} />}</Route>
        <Route path="/signin">
          <SignIn />
        </Route>
        <Route>
          <SignedIn />
        </Route>
      </Switch>
    </Boundary>
  );
}

function SignedIn() {
  const [location] = useLocation();
  const { data: session, error } = useQuery(sessionQuery);
  const isStranger = session !== undefined && session.person === null;
  useEffect(() => {
    if (isStranger) {
      toSignIn();
    }
  }, [isStranger]);
  if (error !== null && session === undefined) {
    return (
      <main className="lonely">
        <Notice tone="bad" title="Countersign does not answer">
          {sentenceOf(error)}
        </Notice>
      </main>
    );
  }
  if (session === undefined || session.person === null) {
    return <Loading label="Loading" />;
  }
  return (
    <Shell session={session} person={session.person}>
      <Boundary key={location}>
        <Suspense fallback={<Loading label="Loading" />}>
          <Switch>
            <Route path="/">
              <Queue person={session.person} />
            </Route>
            <Route path="/reviews/:id">{({ id }) => <ReviewPage key={id} id={id} />}</Route>
            <Route path="/runs">
              <Runs />
            </Route>
            <Route path="/runs/:id">{({ id }) => <RunPage key={id} id={id} />}</Route>
            <Route path="/workflows">
              <Workflows />
            </Route>
            <Route path="/workflows/:id">{({ id }) => <WorkflowPage key={id} id={id} />}</Route>
            <Route path="/operations">
              <OperationsPage person={session.person} />
            </Route>
            <Route>
              <NotFound />
            </Route>
          </Switch>
        </Suspense>
      </Boundary>
    </Shell>
  );
}
