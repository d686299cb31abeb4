import { ApiError, type Problem } from './errors.js';

/** An answer with an error status, as it came. */
export type FailedAnswer = {
  readonly status: number;
  readonly body: string;
  readonly requestId: string | null;
};

/** Reads any of the forms an error may have; one that is none of them still says its status. */
export function readApiError({ status, body, requestId }: FailedAnswer): ApiError {
  const detail = fieldsOf(parse(body))['detail'];
  if (Array.isArray(detail)) {
    const problems = detail.map(readProblem);
    return new ApiError({ status, code: 'invalid', message: sum(problems), problems, requestId });
  }
  if (typeof detail === 'string') {
    return new ApiError({ status, code: `http_${status}`, message: detail, requestId });
  }
  const { code, message, details } = fieldsOf(detail);
  if (typeof code === 'string' && typeof message === 'string') {
    return new ApiError({ status, code, message, details: fieldsOf(details), requestId });
  }
  return new ApiError({
    status,
    code: `http_${status}`,
    message: `The answer was HTTP ${status} in a form that is not this API's: check the URL, and what stands between here and the server.`,
    requestId,
  });
}

function readProblem(item: unknown): Problem {
  const { loc, msg, type } = fieldsOf(item);
  return {
    path: Array.isArray(loc) ? loc.map(String).join('.') : '',
    message: typeof msg === 'string' ? msg : 'This is not valid.',
    type: typeof type === 'string' ? type : 'value_error',
  };
}

function sum(problems: readonly Problem[]): string {
  const [first] = problems;
  if (first === undefined) {
    return 'The request is not valid, and the server does not say why.';
  }
  const where = first.path === '' ? '' : `${first.path}: `;
  return problems.length === 1
    ? `The request is not valid: ${where}${first.message}`
    : `The request has ${problems.length} problems; the first is ${where}${first.message}`;
}

function parse(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return value;
  } catch {
    return undefined;
  }
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value))
    : {};
}
