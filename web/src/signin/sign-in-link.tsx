import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { ApiError, get, path, send, sentenceOf } from '../api/http.js';
import { KEYS } from '../api/keys.js';
import type { SignInLink } from '../api/wire.js';
import { returnPath } from '../app/return-path.js';
import { useTitle } from '../app/title.js';
import { Button } from '../ui/button.js';
import { Loading } from '../ui/loading.js';
import { Notice } from '../ui/notice.js';
import { SignInFrame } from './sign-in-frame.js';

/** A one-time link: it says whom it signs in, and does so when asked. Looking at it uses nothing up. */
export function SignInLinkPage({ code }: { readonly code: string }) {
  useTitle('Sign in');
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const returnTo = returnPath(useSearch());
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>(null);
  const { data: link, error } = useQuery({
    queryKey: ['sign-in-link', code],
    queryFn: ({ signal }) => get<SignInLink>(path`/v1/session/links/${code}`, {}, signal),
    retry: false,
  });
  const isGone = error instanceof ApiError && error.status === 404;
  const signIn = async (): Promise<void> => {
    setBusy(true);
    try {
      await send('POST', path`/v1/session/links/${code}`);
      await queries.resetQueries({ queryKey: KEYS.session });
      navigate(returnTo, { replace: true });
    } catch (problem) {
      setFailure(problem);
      setBusy(false);
    }
  };
  return (
    <SignInFrame title="Sign in">
      {link === undefined && error === null && <Loading label="Reading the link" />}
      {isGone && (
        <Notice tone="warn" title="This link does not work any more">
          Each works once, and for a limited time. Start the stack again for new ones, or{' '}
          <Link href="/signin">sign in another way</Link>.
        </Notice>
      )}
      {error !== null && !isGone && <Notice tone="bad">{sentenceOf(error)}</Notice>}
      {failure !== null && <Notice tone="bad">{sentenceOf(failure)}</Notice>}
      {link !== undefined && (
        <>
          <p className="quiet">This link works once.</p>
          <Button look="main" isBusy={isBusy} onClick={() => void signIn()}>
            Sign in as {link.person.name}
          </Button>
        </>
      )}
    </SignInFrame>
  );
}
