const UNREACHABLE = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'ETIMEDOUT', 'ECONNRESET']);

/** Says in one sentence which server could not be used and what to check; null for other errors. */
export function explainConnectionError(error: unknown): string | null {
  const code = errorCode(error);
  const message = error instanceof Error ? error.message : String(error);
  if (code !== null && UNREACHABLE.has(code)) {
    return `PostgreSQL does not answer at DATABASE_URL (${message || code}): start it, or correct the URL.`;
  }
  if (/^(28P01|28000|3D000)$/.test(code ?? '')) {
    return `PostgreSQL refuses DATABASE_URL (${message}): correct its user, password or database.`;
  }
  if (/Namespace .* (is )?not found/i.test(message)) {
    return `Temporal has no such namespace (${message}): create it, or correct TEMPORAL_NAMESPACE.`;
  }
  if (/deadline|UNAVAILABLE|transport error|Connection refused|tcp connect/i.test(message)) {
    return `Temporal does not answer (${message}): start it, or correct TEMPORAL_ADDRESS and the other TEMPORAL_* settings.`;
  }
  return null;
}

function errorCode(error: unknown): string | null {
  if (error instanceof AggregateError) {
    return errorCode(error.errors[0]);
  }
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? error.code
    : null;
}
