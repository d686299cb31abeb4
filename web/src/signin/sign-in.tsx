import { useQuery } from '@tanstack/react-query';
import { useEffect } from 'react';
import { useLocation, useSearch } from 'wouter';
import { sentenceOf } from '../api/http.js';
import { sessionQuery } from '../app/session.js';
import { returnPath } from '../app/return-path.js';
import { useTitle } from '../app/title.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { SignInFrame } from './sign-in-frame.js';

/** What the server says in the address when signing in did not work. */
const ERRORS: Readonly<Record<string, string>> = {
  access_denied: 'The sign-in was declined. Try again, or ask an admin for access.',
  expired: 'The sign-in took too long. Try again.',
  state_mismatch: 'The sign-in was begun in another window. Try again in this one.',
  removed: 'This person was removed here, or is one of the installation itself. Ask an admin.',
  unavailable: 'The identity provider does not answer. Try again in a moment.',
};

/** Where one signs in, and comes back to where one wanted to go. */
export function SignIn() {
  useTitle('Sign in');
  const search = useSearch();
  const [, navigate] = useLocation();
  const { data: session, error } = useQuery({ ...sessionQuery, staleTime: 0 });
  const returnTo = returnPath(search);
  const isSignedIn = session !== undefined && session.person !== null;
  useEffect(() => {
    if (isSignedIn) {
      navigate(returnTo, { replace: true });
    }
  }, [isSignedIn, navigate, returnTo]);
  const failure = new URLSearchParams(search).get('error');
  const { oidc, links } = session?.sign_in ?? { oidc: null, links: false };
  return (
    <SignInFrame title="Sign in">
      {failure !== null && (
        <Notice tone="bad">
          {ERRORS[failure] ?? 'The sign-in did not work. Try again, or ask an admin.'}
        </Notice>
      )}
      {error !== null && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      {session === undefined && error === null && <Loading label="Loading" />}
      {oidc !== null && (
        <a
          className="button button-main button-wide"
          href={`${oidc.url}?return_to=${encodeURIComponent(returnTo)}`}
        >
          {oidc.label}
        </a>
      )}
      {links && (
        <p className="quiet">
          {oidc === null ? 'Open' : 'Or open'} one of the sign-in links that <code>npm start</code>{' '}
          printed where it runs. Each works once.
        </p>
      )}
      {session !== undefined && oidc === null && !links && (
        <Notice tone="warn" title="No way to sign in is set up">
          Set the OIDC settings of the server, or run it with <code>npm start</code> on this machine
          for one-time links.
        </Notice>
      )}
    </SignInFrame>
  );
}
