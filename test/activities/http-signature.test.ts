import { Webhook } from 'standardwebhooks';
import { describe, expect, test } from 'vitest';
import {
  parseSecret,
  secretVariable,
  signatureHeaders,
} from '../../src/activities/http-signature.js';

const bytes = (length: number): string => `whsec_${Buffer.alloc(length, 7).toString('base64')}`;
const OLD = bytes(24);
const NEW = `whsec_${Buffer.alloc(32, 9).toString('base64')}`;
const BODY = '{"input":{"note":"é"}}';

describe('signatureHeaders', () => {
  const now = Math.floor(Date.now() / 1_000);

  test.each([
    [OLD, OLD, true],
    [`${OLD} ${NEW}`, OLD, true],
    [`${OLD} ${NEW}`, NEW, true],
    [OLD, NEW, false],
  ])(
    'signed with %s and verified by another implementation with %s: %j',
    (own, other, verifies) => {
      const headers = signatureHeaders(parseSecret(own) ?? [], 'run_1_pay', now, BODY);
      const verify = (): unknown => new Webhook(other).verify(BODY, headers);
      if (verifies) {
        expect(verify()).toEqual(JSON.parse(BODY));
      } else {
        expect(verify).toThrow('No matching signature found');
      }
    },
  );

  test.each<[string, string, Readonly<Record<string, string>>]>([
    ['another body', `${BODY} `, {}],
    ['another id', BODY, { 'webhook-id': 'run_2_pay' }],
    ['another time', BODY, { 'webhook-timestamp': String(now + 1) }],
  ])('does not verify with %s', (_, body, changed) => {
    const headers = signatureHeaders(parseSecret(OLD) ?? [], 'run_1_pay', now, BODY);
    expect(() => new Webhook(OLD).verify(body, { ...headers, ...changed })).toThrow(
      'No matching signature found',
    );
  });

  test('name the message without a signature where there is no secret', () => {
    expect(signatureHeaders([], 'run_1_pay', 5, BODY)).toEqual({
      'webhook-id': 'run_1_pay',
      'webhook-timestamp': '5',
    });
  });
});

describe('parseSecret', () => {
  test.each([bytes(24), bytes(64), `  ${OLD}\n${NEW} `])('takes %j', (text) => {
    expect(parseSecret(text)).not.toBeNull();
  });

  test.each([
    '',
    'whsec_',
    bytes(23),
    bytes(65),
    'secret',
    OLD.slice(6),
    `${OLD},${NEW}`,
    `${OLD} x`,
  ])('does not take %j', (text) => {
    expect(parseSecret(text)).toBeNull();
  });
});

test.each([
  ['billing', 'COUNTERSIGN_SECRET_BILLING'],
  ['Billing-v2_eu', 'COUNTERSIGN_SECRET_BILLING_V2_EU'],
])('the secret %s comes from %s', (name, variable) => {
  expect(secretVariable(name)).toBe(variable);
});
