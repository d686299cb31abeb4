import { z } from 'zod';
import { route } from '../../route.js';
import { velt } from './dialect.js';
import { request, tag } from './envelope.js';
import { fail } from './status.js';

const anyRequest = request('VeltRequest', {});

/** An endpoint of the vendor's that is known and not served. */
function unimplemented<const Id extends string>(id: Id, path: string, params?: z.ZodObject) {
  return route({
    id,
    method: 'post',
    path: `/v2/workflow/${path}`,
    summary: 'Not served: definitions are declared and runs are started under /v1/workflows.',
    tag,
    dialect: velt,
    ...(params === undefined ? {} : { params }),
    body: anyRequest,
    responses: {},
    furtherErrors: [501],
    handle: async () =>
      fail(
        'UNIMPLEMENTED',
        'This endpoint is not served: definitions are declared and runs are started under /v1/workflows.',
      ),
  });
}

export const UNIMPLEMENTED_ROUTES = [
  unimplemented('velt.executions.dispatch', 'executions/dispatch'),
  unimplemented('velt.executions.list', 'executions/list'),
  unimplemented('velt.executions.getEvents', 'executions/getEvents'),
  unimplemented('velt.steps.cancel', 'steps/cancel'),
  unimplemented('velt.steps.recordAgentResolution', 'steps/recordAgentResolution'),
  unimplemented('velt.definitions', 'definitions/{operation}', z.object({ operation: z.string() })),
] as const;
