import { z } from 'zod';
import { ROLES } from '../../domain/people.js';
import { endSession, findSignInLink, useSignInLink } from '../../store/sign-ins.js';
import { answer, ok } from '../answer.js';
import type { AppDeps } from '../deps.js';
import { native } from '../dialects/native/dialect.js';
import type { ApiError } from '../errors.js';
import { text } from '../fields.js';
import { publicRoute } from '../route.js';
import { clearSessionCookie, readSessionCookie, setSessionCookie } from './session-cookie.js';

const tag = 'Signing in';
const noContent = z.literal('');
const linkParams = z.object({ code: text(200) });

const session = z
  .object({
    person: z
      .object({
        id: z.string(),
        name: z.string(),
        email: z.string(),
        groups: z.array(z.string()),
        roles: z.array(z.enum(ROLES)),
      })
      .nullable(),
    sign_in: z.object({
      oidc: z.object({ label: z.string(), url: z.string() }).nullable(),
      links: z.boolean(),
    }),
    temporal_ui_url: z.string().nullable(),
    version: z.string(),
  })
  .meta({ id: 'Session' });

const get = publicRoute({
  id: 'session.get',
  method: 'get',
  path: '/v1/session',
  summary: 'Says who is signed in, if anybody is, and how one signs in.',
  tag,
  dialect: native,
  responses: { 200: session },
  handle: async ({ deps, identify }) => {
    const actor = await identify();
    const body: z.infer<typeof session> = {
      person: null,
      sign_in: { oidc: offerOf(deps), links: true },
      temporal_ui_url: deps.temporalUiUrl,
      version: deps.version,
    };
    if (actor?.kind !== 'person') {
      return ok(body);
    }
    const { id, name, email, groups, roles } = actor;
    return ok({ ...body, person: { id, name, email, groups, roles } });
  },
});

/** The provider by which a browser may sign in. */
function offerOf({ oidc }: AppDeps): z.infer<typeof session>['sign_in']['oidc'] {
  return oidc?.settings.clientId
    ? { label: `Sign in with ${oidc.settings.issuer.host}`, url: '/auth/login' }
    : null;
}

const end = publicRoute({
  id: 'session.end',
  method: 'delete',
  path: '/v1/session',
  summary: 'Signs out: the session of the cookie ends at once.',
  tag,
  dialect: native,
  responses: { 204: noContent },
  furtherErrors: [403],
  handle: async ({ deps, headers }) => {
    const { publicUrl } = deps;
    const secret = readSessionCookie(headers, publicUrl);
    if (secret !== null) {
      await endSession(deps.db, secret);
    }
    return answer(204, '', { 'set-cookie': clearSessionCookie(publicUrl) });
  },
});

const readLink = publicRoute({
  id: 'session.readLink',
  method: 'get',
  path: '/v1/session/links/{code}',
  summary: 'Says whom a one-time link signs in. It uses nothing up.',
  tag,
  dialect: native,
  params: linkParams,
  responses: {
    200: z
      .object({
        person: z.object({ id: z.string(), name: z.string() }),
        expires_at: z.string(),
      })
      .meta({ id: 'SignInLink' }),
  },
  furtherErrors: [404],
  handle: async ({ deps }, { params }) => {
    const link = await findSignInLink(deps.db, params.code);
    return link === null
      ? linkGone()
      : ok({
          person: { id: link.personId, name: link.name },
          expires_at: link.expiresAt.toISOString(),
        });
  },
});

const useLink = publicRoute({
  id: 'session.useLink',
  method: 'post',
  path: '/v1/session/links/{code}',
  summary: 'Signs in by a one-time link, which is used up by it.',
  tag,
  dialect: native,
  params: linkParams,
  responses: { 204: noContent },
  furtherErrors: [403, 404],
  handle: async ({ deps }, { params }) => {
    const secret = await useSignInLink(deps.db, params.code);
    return secret === null
      ? linkGone()
      : answer(204, '', { 'set-cookie': setSessionCookie(secret, deps.publicUrl) });
  },
});

/** One answer for all three, and without the code: who holds a wrong one learns nothing. */
function linkGone(): ApiError {
  return {
    kind: 'error',
    code: 'not_found',
    what: 'link',
    message:
      'This sign-in link has been used, is too old, or never was: ask for a new one (`countersign sign-in-link`).',
  };
}

export const SESSION_ROUTES = [get, end, readLink, useLink] as const;
