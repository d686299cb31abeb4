import type { Express, Request, Response } from 'express';
import {
  AuthorizationResponseError,
  authorizationCodeGrant,
  buildAuthorizationUrl,
  calculatePKCECodeChallenge,
  randomNonce,
  randomPKCECodeVerifier,
  randomState,
} from 'openid-client';
import { z } from 'zod';
import { signInFromDirectory } from '../../store/directory.js';
import type { AppDeps } from '../deps.js';
import { queryOf } from '../read-input.js';
import type { Oidc } from './oidc.js';
import { personOfClaims } from './person-of-claims.js';
import { safeReturnPath } from './return-path.js';
import { isSecure, readCookie, setSessionCookie, writeCookie } from './session-cookie.js';

const COOKIE = 'countersign_oidc';
const FLOW_SECONDS = 600;

/** What is remembered of a sign-in, in the browser that began it, until it comes back. */
const flowShape = z.object({
  state: z.string(),
  nonce: z.string(),
  verifier: z.string(),
  returnTo: z.string(),
  until: z.number(),
});
type Flow = z.infer<typeof flowShape>;

/** How a sign-in ended, as the address of the sign-in page says it. */
type Failure =
  'access_denied' | 'expired' | 'state_mismatch' | 'unavailable' | 'removed' | 'failed';

/** Puts signing in by OpenID Connect on an app: authorization code, PKCE, state and nonce. */
export function mountOidc(app: Express, deps: AppDeps, oidc: Oidc): void {
  app.get('/auth/login', (request, response) => login(request, response, deps, oidc));
  app.get('/auth/callback', (request, response) => callback(request, response, deps, oidc));
}

async function login(
  request: Request,
  response: Response,
  deps: AppDeps,
  oidc: Oidc,
): Promise<void> {
  const began = await begin(request, deps, oidc).catch((error: unknown) => {
    deps.logger.warn({ err: error }, 'the OpenID provider does not answer');
    return null;
  });
  if (began === null) {
    redirectToSignIn(response, 'unavailable');
    return;
  }
  setFlow(response, deps, began.flow);
  response.redirect(302, began.url.href);
}

async function callback(
  request: Request,
  response: Response,
  deps: AppDeps,
  oidc: Oidc,
): Promise<void> {
  const flow = readFlow(request);
  setFlow(response, deps, null);
  const ended = await finish(request, deps, oidc, flow);
  if ('failure' in ended) {
    redirectToSignIn(response, ended.failure);
    return;
  }
  response.append('set-cookie', setSessionCookie(ended.secret, deps.publicUrl));
  response.redirect(302, safeReturnPath(flow?.returnTo ?? null));
}

async function begin(
  request: Request,
  deps: AppDeps,
  oidc: Oidc,
): Promise<{ readonly url: URL; readonly flow: Flow }> {
  const flow: Flow = {
    state: randomState(),
    nonce: randomNonce(),
    verifier: randomPKCECodeVerifier(),
    returnTo: safeReturnPath(queryOf(request).get('return_to')),
    until: Date.now() + FLOW_SECONDS * 1_000,
  };
  const url = buildAuthorizationUrl(await oidc.discoverAgain(), {
    redirect_uri: new URL('/auth/callback', originOf(request, deps)).href,
    scope: oidc.settings.scopes,
    state: flow.state,
    nonce: flow.nonce,
    code_challenge: await calculatePKCECodeChallenge(flow.verifier),
    code_challenge_method: 'S256',
  });
  return { url, flow };
}

async function finish(
  request: Request,
  deps: AppDeps,
  oidc: Oidc,
  flow: Flow | null,
): Promise<{ readonly secret: string } | { readonly failure: Failure }> {
  const { state, nonce, verifier, until } = flow ?? {};
  if (state === undefined || queryOf(request).get('state') !== state) {
    return { failure: 'state_mismatch' };
  }
  if (until === undefined || until < Date.now()) {
    return { failure: 'expired' };
  }
  try {
    const here = new URL(request.originalUrl, originOf(request, deps));
    const tokens = await authorizationCodeGrant(await oidc.discover(), here, {
      expectedState: state,
      idTokenExpected: true,
      ...(nonce === undefined ? {} : { expectedNonce: nonce }),
      ...(verifier === undefined ? {} : { pkceCodeVerifier: verifier }),
    });
    const person = personOfClaims(tokens.claims() ?? {}, oidc.settings);
    if (person === null) {
      deps.logger.warn({ claim: oidc.settings.idClaim }, 'the id token lacks the claim of the id');
      return { failure: 'failed' };
    }
    const secret = await signInFromDirectory(deps.db, person);
    return secret === null ? { failure: 'removed' } : { secret };
  } catch (error) {
    deps.logger.warn({ err: error }, 'a sign-in by OpenID Connect failed');
    return { failure: failureOf(error) };
  }
}

function failureOf(error: unknown): Failure {
  if (error instanceof AuthorizationResponseError && error.error === 'access_denied') {
    return 'access_denied';
  }
  const isAway =
    error instanceof Error && 'code' in error && String(error.code) === 'OAUTH_TIMEOUT';
  return isAway || error instanceof TypeError ? 'unavailable' : 'failed';
}

function redirectToSignIn(response: Response, failure: Failure): void {
  response.redirect(302, `/signin?error=${failure}`);
}

/** Where the browser finds us; the provider leads only to addresses that it has been told of. */
function originOf(request: Request, { publicUrl }: AppDeps): string {
  return publicUrl?.origin ?? `http://${request.headers.host ?? 'localhost'}`;
}

function setFlow(response: Response, { publicUrl }: AppDeps, flow: Flow | null): void {
  const value = flow === null ? '' : Buffer.from(JSON.stringify(flow)).toString('base64url');
  const maxAgeSeconds = flow === null ? 0 : FLOW_SECONDS;
  const about = { path: '/auth', maxAgeSeconds, isSecure: isSecure(publicUrl) };
  response.append('set-cookie', writeCookie(COOKIE, value, about));
}

function readFlow(request: Request): Flow | null {
  const value = readCookie(request.headers, COOKIE);
  try {
    const text = Buffer.from(value ?? '', 'base64url').toString('utf8');
    return flowShape.safeParse(JSON.parse(text)).data ?? null;
  } catch {
    return null;
  }
}
