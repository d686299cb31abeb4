import { DatabaseError } from 'pg';
import { describe, expect, test } from 'vitest';
import {
  isStoreAway,
  StoreAwayError,
  StoreBusyError,
  storeTrouble,
} from '../../src/store/store-away.js';

describe('storeTrouble', () => {
  const withCode = (code: string) => Object.assign(new Error('x'), { code });
  const fromPostgres = (code: string, severity = 'ERROR') =>
    Object.assign(new DatabaseError('x', 1, 'error'), { code, severity });

  test.each([
    ['a refused connection', withCode('ECONNREFUSED'), 'away'],
    ['a shutdown', fromPostgres('57P01', 'FATAL'), 'away'],
    ['a start-up', fromPostgres('57P03', 'FATAL'), 'away'],
    ['a database that takes nobody', fromPostgres('55000', 'FATAL'), 'away'],
    ['a crash', fromPostgres('XX000', 'PANIC'), 'away'],
    ['a statement that was cancelled', fromPostgres('57014'), 'busy'],
    ['a lock that was not to be had', fromPostgres('55P03'), 'busy'],
    ['a deadlock that no repeat got past', fromPostgres('40P01'), 'busy'],
    ['a transaction that was idle for too long', fromPostgres('25P03', 'FATAL'), 'away'],
    ['an answer that did not come', new Error('Query read timeout'), 'away'],
    ['a standby', new StoreAwayError('x'), 'away'],
    ['too long a queue', new StoreBusyError('x'), 'busy'],
    ['a broken connection', fromPostgres('08006'), 'away'],
    ['too many clients', fromPostgres('53300'), 'busy'],
    ['a failover', fromPostgres('25006'), 'away'],
    ['several addresses that refuse', new AggregateError([withCode('ECONNREFUSED')]), 'away'],
    ['a terminated connection', new Error('Connection terminated unexpectedly'), 'away'],
    ['a pool that is used up', new Error('timeout exceeded when trying to connect'), 'busy'],
    ['one inside another', new Error('x', { cause: withCode('ECONNRESET') }), 'away'],
    ['a unique violation', fromPostgres('23505'), null],
    ['a syntax error', fromPostgres('42601'), null],
    ['a bug', new TypeError('x is not a function'), null],
    ['something that is no error', 'ECONNREFUSED', null],
  ])('%s', (_case, error, trouble) => {
    expect(storeTrouble(error)).toBe(trouble);
    expect(isStoreAway(error)).toBe(trouble !== null);
  });
});
