import { describe, expect, test } from 'vitest';
import { parseDefinition } from '../../src/rules/definition.js';
import { containing } from './containing.js';

const URL_OF_ONE = 'https://billing.example/pay';

function parse(executor: object, more: object = {}): ReturnType<typeof parseDefinition> {
  return parseDefinition('wf', { blocks: [{ id: 'pay', type: 'task', executor, ...more }] });
}

describe('the executor http', () => {
  test.each([
    { url: URL_OF_ONE },
    { url: 'http://127.0.0.1:8080/pay?tenant=7' },
    { url: URL_OF_ONE, secret_name: 'billing-eu_2', timeout: '30s' },
    { url: URL_OF_ONE, timeout: '1ms' },
    { url: URL_OF_ONE, timeout: '24h' },
  ])('is stored as it was declared: %j', (declared) => {
    const executor = { kind: 'http', ...declared };
    expect(parse(executor)).toMatchObject({
      definition: { blocks: [{ executor, execution: { repeatable: true, attempts: 3 } }] },
      warnings: [],
    });
  });

  test('is repeatable behind a gate on its input too, unless it says otherwise', () => {
    const executor = { kind: 'http', url: URL_OF_ONE };
    const review = { placement: 'input' };
    expect(parse(executor, { review })).toMatchObject({
      definition: { blocks: [{ execution: { repeatable: true } }] },
    });
    expect(parse(executor, { review, execution: { repeatable: false } })).toMatchObject({
      definition: { blocks: [{ execution: { repeatable: false, attempts: 1 } }] },
    });
  });

  test.each<[object, string, string]>([
    [{}, 'url', 'expected a string, got nothing'],
    [{ url: 'ftp://billing.example' }, 'url', 'begins with http:// or https://'],
    [{ url: 'file:///etc/passwd' }, 'url', 'begins with http:// or https://'],
    [{ url: '//billing.example' }, 'url', 'begins with http:// or https://'],
    [{ url: 'http://' }, 'url', 'begins with http:// or https://'],
    [{ url: 'https://user:word@billing.example' }, 'url', 'without a user name or password'],
    [{ url: 'https://user@billing.example' }, 'url', 'declare secret_name to sign requests'],
    [{ url: 'https://:word@billing.example' }, 'url', 'without a user name or password'],
    [{ url: URL_OF_ONE, secret_name: '' }, 'secret_name', 'expected 1 to 63 letters'],
    [{ url: URL_OF_ONE, secret_name: '2nd' }, 'secret_name', 'the first a letter'],
    [{ url: URL_OF_ONE, secret_name: 'a b' }, 'secret_name', 'expected 1 to 63 letters'],
    [{ url: URL_OF_ONE, secret_name: 'a'.repeat(64) }, 'secret_name', 'expected 1 to 63 letters'],
    [{ url: URL_OF_ONE, timeout: '0s' }, 'timeout', 'expected a duration from "1ms" to "24h"'],
    [{ url: URL_OF_ONE, timeout: '25h' }, 'timeout', 'expected a duration from "1ms" to "24h"'],
    [{ url: URL_OF_ONE, headers: {} }, 'headers', 'unknown key'],
  ])('is refused with %j', (declared, key, message) => {
    const result = parse({ kind: 'http', ...declared });
    expect('problems' in result ? result.problems : []).toContainEqual({
      path: ['body', 'blocks', 0, 'executor', key],
      message: containing(message),
    });
  });
});
