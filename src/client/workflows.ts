import { Pages } from './pages.js';
import type { DefinitionRequest } from './requests.js';
import { path, type Transport } from './transport.js';
import type {
  CheckedWorkflow,
  JsonObject,
  StoredWorkflow,
  Workflow,
  WorkflowSummary,
  WorkflowVersion,
} from './wire.js';

const MAX_PAGE = 200;

/** The part of the API that is about workflow definitions. */
export type WorkflowsClient = ReturnType<typeof workflowsClient>;

/** Makes the part of a client that is about workflow definitions. */
export function workflowsClient(transport: Transport) {
  return {
    /**
     * Stores a definition; the same content is the same version, and new runs take it.
     *
     * Any JSON object may be sent: the server says what is wrong with it, with the path to each problem.
     */
    put: (
      workflowId: string,
      definition: DefinitionRequest | JsonObject,
    ): Promise<StoredWorkflow> =>
      transport.send('PUT', path`/v1/workflows/${workflowId}`, definition),

    /**
     * Says what storing a definition would come to, and who could pass its gates; nothing is stored.
     *
     * @param options `as`: a user id, to hear what the gates mean for that person
     */
    check: (
      workflowId: string,
      definition: DefinitionRequest | JsonObject,
      options: { readonly as?: string | undefined } = {},
    ): Promise<CheckedWorkflow> =>
      transport.send('POST', path`/v1/workflows/${workflowId}/check`, definition, options),

    /** Lists the workflows of the project by id. */
    list: (): Pages<WorkflowSummary> =>
      new Pages((page) => transport.get('/v1/workflows', page), MAX_PAGE),

    /** Reads a workflow with the definition that new runs take. */
    get: (workflowId: string): Promise<Workflow> =>
      transport.get(path`/v1/workflows/${workflowId}`),

    /** Lists the versions of a workflow, oldest first. */
    versions: (workflowId: string): Pages<WorkflowVersion> =>
      new Pages(
        (page) => transport.get(path`/v1/workflows/${workflowId}/versions`, page),
        MAX_PAGE,
      ),
  };
}
