import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionLike } from '@temporalio/client';
import { SEARCH_ATTRIBUTES } from '../domain/messages.js';

const NAMES: readonly string[] = Object.values(SEARCH_ATTRIBUTES);

/** `IndexedValueType` of Temporal's API, by number. */
const TYPE_NAMES = ['?', 'Text', 'Keyword', 'Int', 'Double', 'Bool', 'Datetime', 'KeywordList'];
const KEYWORD = 2;

// gRPC's status codes.
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const PERMISSION_DENIED = 7;
const UNIMPLEMENTED = 12;
const UNAVAILABLE = 14;

const CALL_MS = 5_000;
const USABLE_WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** What was done about the search attributes of a namespace. */
export type SearchAttributeReport =
  /** All can be used; `added` are those that this call registered. */
  | { readonly outcome: 'ready'; readonly added: readonly string[] }
  /** This server lets nobody register them through its API (Temporal Cloud): somebody creates `names`, as Keyword. */
  | { readonly outcome: 'by hand'; readonly names: readonly string[] };

/** A name of ours that the namespace already uses for values of another type. */
export class SearchAttributeConflictError extends Error {
  readonly attribute: string;
  readonly type: string;

  constructor(namespace: string, attribute: string, type: string) {
    super(
      `The search attribute ${attribute} of the Temporal namespace ${namespace} is of type ${type}, and Countersign needs Keyword: remove it ("temporal operator search-attribute remove") or use another namespace.`,
    );
    this.name = 'SearchAttributeConflictError';
    this.attribute = attribute;
    this.type = type;
  }
}

/**
 * Registers the search attributes that Countersign's workflows carry, and waits until they can be used.
 *
 * Idempotent, also when two processes do it at once. Existing ones are listed and compared first, because Temporal
 * answers a registration with another type by OK and changes nothing.
 *
 * @throws SearchAttributeConflictError when a name is taken by another type
 */
export async function ensureSearchAttributes(
  connection: ConnectionLike,
  namespace: string,
): Promise<SearchAttributeReport> {
  let added: readonly string[];
  try {
    added = await registerMissing(connection, namespace);
  } catch (error) {
    if (![PERMISSION_DENIED, UNIMPLEMENTED, UNAVAILABLE].includes(statusOf(error) ?? -1)) {
      throw error;
    }
    // Somebody may have created them already. A server that is down throws here again.
    const names = await unusable(connection, namespace);
    return names.length === 0 ? { outcome: 'ready', added: [] } : { outcome: 'by hand', names };
  }
  await waitUntilUsable(connection, namespace);
  return { outcome: 'ready', added };
}

async function registerMissing(
  connection: ConnectionLike,
  namespace: string,
): Promise<readonly string[]> {
  const existing = await listTypes(connection, namespace);
  for (const name of NAMES) {
    const type = existing[name];
    if (type !== undefined && type !== KEYWORD) {
      throw new SearchAttributeConflictError(namespace, name, TYPE_NAMES[type] ?? `number ${type}`);
    }
  }
  const missing = NAMES.filter((name) => existing[name] === undefined);
  if (missing.length > 0) {
    await connection
      .withDeadline(Date.now() + CALL_MS, () =>
        connection.operatorService.addSearchAttributes({
          namespace,
          searchAttributes: Object.fromEntries(missing.map((name) => [name, KEYWORD])),
        }),
      )
      .catch((error: unknown) => {
        if (statusOf(error) !== ALREADY_EXISTS) {
          throw error; // else somebody has just done the same
        }
      });
  }
  return missing;
}

/** Registered attributes with their types; a namespace that was created a moment ago is waited for. */
async function listTypes(
  connection: ConnectionLike,
  namespace: string,
): Promise<Readonly<Record<string, number>>> {
  const giveUpAt = performance.now() + USABLE_WITHIN_MS / 2;
  for (;;) {
    try {
      const { customAttributes } = await connection.withDeadline(Date.now() + CALL_MS, () =>
        connection.operatorService.listSearchAttributes({ namespace }),
      );
      return customAttributes;
    } catch (error) {
      if (statusOf(error) !== NOT_FOUND || performance.now() > giveUpAt) {
        throw error;
      }
      await delay(LOOK_EVERY_MS);
    }
  }
}

/** Servers read what is registered from a cache: it took 1.6 s on PostgreSQL, and nothing on the dev server. */
async function waitUntilUsable(connection: ConnectionLike, namespace: string): Promise<void> {
  const giveUpAt = performance.now() + USABLE_WITHIN_MS;
  for (;;) {
    const names = await unusable(connection, namespace);
    if (names.length === 0) {
      return;
    }
    if (performance.now() > giveUpAt) {
      throw new Error(
        `Temporal does not accept the search attributes ${names.join(', ')} ${USABLE_WITHIN_MS / 1_000} seconds after they were registered in the namespace ${namespace}`,
      );
    }
    await delay(LOOK_EVERY_MS);
  }
}

/** Those of our attributes by which a query is refused. */
async function unusable(connection: ConnectionLike, namespace: string): Promise<readonly string[]> {
  const refused = await Promise.all(
    NAMES.map((name) =>
      connection
        .withDeadline(Date.now() + CALL_MS, () =>
          connection.workflowService.countWorkflowExecutions({ namespace, query: `${name} = 'x'` }),
        )
        .then(
          () => false,
          (error: unknown) => {
            if (statusOf(error) === INVALID_ARGUMENT || statusOf(error) === NOT_FOUND) {
              return true;
            }
            throw error;
          },
        ),
    ),
  );
  return NAMES.filter((_, index) => refused[index] === true);
}

function statusOf(error: unknown): number | null {
  return typeof error === 'object' &&
    error !== null &&
    'code' in error &&
    typeof error.code === 'number'
    ? error.code
    : null;
}
