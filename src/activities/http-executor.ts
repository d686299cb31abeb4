import { Client, type Dispatcher } from 'undici';
import type { Block, BlockInput, Executor } from '../domain/definition.js';
import { parseDurationMs } from '../domain/duration.js';
import { canonicalJson, MAX_SNAPSHOT_BYTES } from '../rules/canonical.js';
import { foreignCoding, headerOf, parseJsonBody, readBody, retryAfterMs } from './http-answer.js';
import {
  type BlockFailure,
  type BlockSilence,
  type BlockUncalled,
  type ExecutionContext,
  failed,
  failedForGood,
  unbegun,
} from './execution.js';
import { guardedConnector, type Progress, type Resolve } from './http-connect.js';
import { type AllowList, PUBLIC_ONLY } from './http-guard.js';
import { readableText } from './readable-text.js';
import { secretVariable, signatureHeaders, type SigningKeys } from './http-signature.js';

/** What `http` blocks need of the worker they run in. */
export type HttpSettings = {
  readonly allow: AllowList;
  /** Signing keys by the environment variable they came from. */
  readonly secrets: ReadonlyMap<string, SigningKeys>;
  /** Finds the addresses of a host; by default as the system does. */
  readonly resolve?: Resolve;
};

/** A worker without secrets, from which only public addresses can be reached. */
export const PLAIN_HTTP: HttpSettings = { allow: PUBLIC_ONLY, secrets: new Map() };

/** What came of a request: JSON, which is still to be checked, or no such thing. */
export type HttpOutcome =
  { readonly kind: 'answer'; readonly json: unknown } | BlockFailure | BlockSilence | BlockUncalled;

type HttpBlock = {
  readonly id: string;
  readonly execution: Block['execution'];
  readonly executor: Extract<Executor, { kind: 'http' }>;
};

/** Room for `consensus`, `source` and white space beside an output of the largest size. */
const MAX_ANSWER_BYTES = MAX_SNAPSHOT_BYTES + 1024 * 1024;
const MAX_HEADER_BYTES = 32 * 1024;

/**
 * Executes a block by one signed POST to its URL.
 *
 * 1. The body is the same in every attempt, byte for byte, and so is the idempotency key: the step's id.
 * 2. What fails before a connection stands (no secret, no such host, an address that is not allowed, nobody listening)
 *    never reached the service: a failure. What fails afterwards without an answer is silence.
 * 3. The service's refusal (4xx) is final, and so is an answer that cannot be used: the same key would bring it again.
 *    408, 409, 425, 429 and 5xx are not. A gateway that speaks in the service's place says nothing of what that did.
 *
 * It never throws but for a cancellation.
 */
export async function callHttp(
  block: HttpBlock,
  given: BlockInput,
  context: ExecutionContext,
  settings: HttpSettings,
): Promise<HttpOutcome> {
  const { url, secret_name: secretName, timeout = block.execution.timeout } = block.executor;
  const variable = secretName === undefined ? null : secretVariable(secretName);
  const keys = variable === null ? [] : settings.secrets.get(variable);
  if (keys === undefined) {
    return unbegun(
      failedForGood(
        `Block '${block.id}' signs with the secret '${secretName}', which this worker does not have: set ${variable}, restart the worker, and retry the run.`,
      ),
    );
  }
  const target = new URL(url);
  const request: Request = { block, target, name: `${target.origin}${target.pathname}` };
  const limit = shorter(timeout, block.execution.timeout);
  const deadline = AbortSignal.timeout(parseDurationMs(limit) ?? 0);
  const body = bodyOf(block, given, context);
  const { connect, progress } = guardedConnector(target, settings.allow, settings.resolve);
  // A client for each request: a kept connection can break while the next request is on it, which would look like
  // silence; and every connection is judged anew.
  const client = new Client(target.origin, {
    connect,
    pipelining: 0,
    headersTimeout: 0,
    bodyTimeout: 0,
    maxHeaderSize: MAX_HEADER_BYTES,
    maxResponseSize: MAX_ANSWER_BYTES,
  });
  const close = (): void => {
    // Not waited for: while a connection is being made, that takes until it stands or fails.
    client.destroy().catch(() => {
      // It is gone already.
    });
  };
  const signal = AbortSignal.any([context.cancelled, deadline]);
  // By itself the client hears of its signal only once it is connected.
  signal.addEventListener('abort', close, { once: true });
  try {
    const answer = await client.request({
      method: 'POST',
      path: `${target.pathname}${target.search}`,
      headers: {
        ...signatureHeaders(keys, context.stepId, Math.floor(Date.now() / 1_000), body),
        'idempotency-key': context.stepId,
        'countersign-attempt': String(context.attempt),
        'content-type': 'application/json',
        accept: 'application/json',
        'accept-encoding': 'gzip',
        'user-agent': 'countersign',
      },
      body,
      signal,
    });
    answer.body.on('error', () => {
      // Whoever reads it meets the error there; one that is not read must not end the worker.
    });
    return await outcomeOf(request, answer);
  } catch (error) {
    if (context.cancelled.aborted && !progress.isConnected) {
      return { kind: 'uncalled' };
    }
    // The caller sees that it was cancelled.
    context.cancelled.throwIfAborted();
    return broken(request, error, progress, deadline.aborted ? limit : null);
  } finally {
    close();
  }
}

type Request = { readonly block: HttpBlock; readonly target: URL; readonly name: string };

/** Canonical JSON, so that what was approved is sent byte for byte. */
function bodyOf(block: HttpBlock, given: BlockInput, context: ExecutionContext): string {
  return canonicalJson({
    run_id: context.runId,
    step_id: context.stepId,
    block_id: block.id,
    input: { input: given.input, blocks: given.blocks },
  });
}

function shorter(one: string, other: string): string {
  return (parseDurationMs(one) ?? 0) <= (parseDurationMs(other) ?? 0) ? one : other;
}

async function outcomeOf(request: Request, answer: Dispatcher.ResponseData): Promise<HttpOutcome> {
  const { statusCode: status } = answer;
  if (status >= 400) {
    return await refusalOf(request, answer);
  }
  const says = `Block '${request.block.id}' got an answer that cannot be used from ${request.name}: ${status}`;
  if (status >= 300) {
    answer.body.destroy();
    const location = headerOf(answer, 'location');
    const place =
      location !== null && URL.canParse(location, request.target.href)
        ? ` to ${withoutQuery(new URL(location, request.target.href))}`
        : '';
    return failedForGood(
      `${says}, a redirect${place}, which is not followed: declare the URL it leads to.`,
    );
  }
  const coding = foreignCoding(answer);
  if (coding !== null) {
    answer.body.destroy();
    return failedForGood(
      `${says} in the encoding ${excerpt(coding)}: answer as it is, or with gzip.`,
    );
  }
  try {
    const { bytes, isCut } = await readBody(answer, answer.body, MAX_ANSWER_BYTES);
    if (isCut) {
      return failedForGood(`${says},${TOO_LARGE}`);
    }
    const parsed = parseJsonBody(answer, bytes);
    return 'json' in parsed
      ? { kind: 'answer', json: parsed.json }
      : failedForGood(`${says} ${excerpt(parsed.fault)}: answer JSON as application/json.`);
  } catch (error) {
    const code = codeOf(error);
    if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') {
      return failedForGood(`${says},${TOO_LARGE}`);
    }
    if (code.startsWith('Z_')) {
      return failedForGood(`${says} with a body that is no gzip (${code}): answer as it is.`);
    }
    throw error;
  }
}

const TOO_LARGE = ` more than ${MAX_ANSWER_BYTES} bytes, or more than ${MAX_HEADER_BYTES} of headers: answer less, an output has at most ${MAX_SNAPSHOT_BYTES}.`;

/** Refusals that another attempt may turn: too slow, the same key is being worked on, too early, too many. */
const PASSING = new Set([408, 409, 425, 429]);
/** A gateway got no answer, or none that it understood. */
const OF_GATEWAYS = new Set([502, 504, 520, 521, 522, 523, 524]);

async function refusalOf(
  { block, name }: Request,
  answer: Dispatcher.ResponseData,
): Promise<BlockFailure | BlockSilence> {
  const { statusCode: status } = answer;
  const words = await excerptOf(answer);
  const said = `${status}${words === '' ? '' : ` (${words})`}`;
  if (OF_GATEWAYS.has(status)) {
    const message = `Block '${block.id}' got ${said} from a gateway before ${name}: look why the service behind it does not answer.`;
    return block.execution.repeatable ? failed(message) : { kind: 'silence', message };
  }
  const says = `Block '${block.id}' was refused by ${name} with ${said}`;
  if (status >= 500 || PASSING.has(status)) {
    const waitMs = status === 429 || status === 503 ? retryAfterMs(answer, Date.now()) : null;
    return failed(`${says}: mend the service, and retry the run.`, waitMs);
  }
  const advice =
    status === 401 || status === 403
      ? 'check that both sides have the same secret'
      : 'correct the input, the URL or the service';
  return failedForGood(`${says}, and would be again: ${advice}, and start a new run.`);
}

const EXCERPT_CHARACTERS = 500;
const EXCERPT_WITHIN_MS = 2_000;

/** The beginning of an error's body, if it comes soon. */
async function excerptOf(answer: Dispatcher.ResponseData): Promise<string> {
  const patience = setTimeout(() => answer.body.destroy(), EXCERPT_WITHIN_MS);
  try {
    const { bytes } = await readBody(answer, answer.body, EXCERPT_CHARACTERS * 4);
    return foreignCoding(answer) === null ? excerpt(bytes.toString('utf8')) : '';
  } catch {
    return '';
  } finally {
    clearTimeout(patience);
  }
}

function excerpt(text: string): string {
  const words = readableText(text, EXCERPT_CHARACTERS).replace(/\s+/g, ' ').trim();
  // A service that logs its configuration into its errors should not have its secret shown to people here.
  return words.replace(/whsec_[\w+/=]+/g, 'whsec_…');
}

function withoutQuery(url: URL): string {
  return excerpt(`${url.origin}${url.pathname}`);
}

/** What a request came to that brought no answer. */
function broken(
  { block, name }: Request,
  error: unknown,
  progress: Progress,
  passed: string | null,
): BlockFailure | BlockSilence {
  if (progress.refusal !== null) {
    return unbegun(
      failedForGood(
        `Block '${block.id}' may not call ${name}: ${progress.refusal}, and only public addresses are reached: declare another URL, or let an operator name it in COUNTERSIGN_HTTP_ALLOW.`,
      ),
    );
  }
  if (!progress.isConnected) {
    const why =
      passed === null ? unreachable(error) : `it did not take a connection within ${passed}`;
    return unbegun(
      failed(
        `Block '${block.id}' did not reach ${name}: ${why}; check the URL and the service, and retry the run.`,
      ),
    );
  }
  const code = codeOf(error);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE' || code === 'UND_ERR_HEADERS_OVERFLOW') {
    return failedForGood(
      `Block '${block.id}' got an answer that cannot be used from ${name}:${TOO_LARGE}`,
    );
  }
  const why =
    passed === null
      ? `the connection broke (${code}), look for the reason in its log`
      : `none came within ${passed}, raise its timeout or make it faster`;
  return { kind: 'silence', message: `Block '${block.id}' got no answer from ${name}: ${why}.` };
}

function unreachable(error: unknown): string {
  const code = codeOf(error);
  switch (code) {
    case 'ENOTFOUND':
      return 'there is no such host';
    case 'EAI_AGAIN':
      return 'its name could not be looked up';
    case 'ECONNREFUSED':
      return 'nobody listens there';
    case 'UND_ERR_CONNECT_TIMEOUT':
      return 'it did not take a connection within 10 s';
    default:
      return `no connection came about (${code})`;
  }
}

/** What a library calls an error: its code, else the name of its class. Never its text, which may hold anything. */
function codeOf(error: unknown): string {
  if (!(error instanceof Error)) {
    return 'unknown';
  }
  return 'code' in error && typeof error.code === 'string' ? error.code : error.name;
}
