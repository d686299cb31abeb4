import type { IncomingHttpHeaders } from 'node:http';
import { isJsonObject } from '../../../domain/json.js';
import type { Actor } from '../../../store/actors.js';
import type { Db } from '../../../store/database.js';
import { findActorBySecret, findToken } from '../../../store/tokens.js';
import { type ApiError, forbidden, invalid, invalidValue } from '../../errors.js';
import { isStorable } from '../../fields.js';
import type { Door } from '../dialect.js';

/** The way in: `x-velt-api-key` is the id of a service token, `x-velt-auth-token` its secret. */
export const door: Door = {
  checkEnvelope: (body) =>
    isJsonObject(body) && isJsonObject(body['data']) && Object.keys(body).length === 1
      ? null
      : invalid({ loc: ['body'], message: 'Bad Request', type: 'value_error' }),
  authenticate: readService,
  credentials: ['veltApiKey', 'veltAuthToken'],
};

/** The service whose token both headers show; the token says who calls, and never who reviews. */
async function readService(headers: IncomingHttpHeaders, db: Db): Promise<Actor | ApiError> {
  const tokenId = headerOf(headers, 'x-velt-api-key');
  const named = tokenId === '' || !isStorable(tokenId) ? null : await findToken(db, tokenId);
  if (named === null) {
    return {
      kind: 'error',
      code: 'unauthenticated',
      message:
        tokenId === ''
          ? 'API key is required: send the id of a service token as x-velt-api-key.'
          : 'This API key is unknown: send the id of a service token as x-velt-api-key.',
      header: 'api-key',
    };
  }
  const secret = headerOf(headers, 'x-velt-auth-token');
  if (secret === '') {
    return invalidValue(['header', 'x-velt-auth-token'], 'Auth token is required');
  }
  const actor = await findActorBySecret(db, secret);
  return actor !== null && actor.kind === 'service' && actor.tokenId === tokenId
    ? actor
    : forbidden(
        'This auth token is not the one of the API key, or has been revoked: ask an admin for a new one.',
      );
}

function headerOf(headers: IncomingHttpHeaders, name: string): string {
  const value = headers[name];
  return (Array.isArray(value) ? value.join(', ') : (value ?? '')).trim();
}
