/**
 * Ends this process without a word when its reader is gone: `countersign … | head` is no error.
 *
 * A process that serves others goes on: what it would have printed is lost, and nothing else.
 */
export function endQuietlyWithoutReader(serves: boolean): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
    if (!serves) {
      process.exit();
    }
  });
  process.stderr.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') {
      throw error;
    }
  });
}
