import type { Logger as TemporalLogger, LogLevel, LogMetadata } from '@temporalio/worker';
import { type Logger, pino } from 'pino';

/** Opens the log of a process: JSON lines on stderr, without credentials. */
export function openLog(level: string, name: string): Logger {
  return pino(
    {
      level,
      name,
      redact: ['req.headers.authorization', 'req.headers["api-key"]', 'req.headers.cookie'],
    },
    pino.destination(2),
  );
}

/** Lets the Temporal SDK write into our log. */
export function temporalLogger(logger: Logger): TemporalLogger {
  const write = (level: 'trace' | 'debug' | 'info' | 'warn' | 'error') => {
    return (message: string, meta?: LogMetadata): void => {
      const { error, ...fields } = meta ?? {};
      logger[level](error === undefined ? fields : { ...fields, err: error }, message);
    };
  };
  const log = {
    trace: write('trace'),
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
  };
  return {
    ...log,
    log: (level: LogLevel, message, meta) => log[lowerCased(level)](message, meta),
  };
}

function lowerCased(level: LogLevel): 'trace' | 'debug' | 'info' | 'warn' | 'error' {
  switch (level) {
    case 'TRACE':
      return 'trace';
    case 'DEBUG':
      return 'debug';
    case 'INFO':
      return 'info';
    case 'WARN':
      return 'warn';
    case 'ERROR':
      return 'error';
  }
}
