import { navigate } from 'wouter/use-browser-location';

/** Sends whoever is not signed in to the page where one does, and remembers where they were. */
export function toSignIn(): void {
  const { pathname, search } = globalThis.location;
  if (!pathname.startsWith('/signin')) {
    navigate(signInPath(pathname + search), { replace: true });
  }
}

/** The address of the sign-in page that leads back to a path of ours. */
export function signInPath(returnTo: string): string {
  return returnTo === '/' ? '/signin' : `/signin?return_to=${encodeURIComponent(returnTo)}`;
}
