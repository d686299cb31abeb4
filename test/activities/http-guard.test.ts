import { describe, expect, test } from 'vitest';
import {
  forbiddenAddress,
  isListedHost,
  parseAllowList,
  PUBLIC_ONLY,
  type AllowList,
} from '../../src/activities/http-guard.js';

function allowing(text: string): AllowList {
  const parsed = parseAllowList(text);
  if ('wrong' in parsed) {
    throw new Error(`'${parsed.wrong}' is no entry`);
  }
  return parsed;
}

describe('forbiddenAddress', () => {
  test.each<[string, string]>([
    ['0.0.0.0', 'the unspecified address'],
    ['0.1.2.3', 'the unspecified address'],
    ['10.0.0.0', 'a private address'],
    ['10.255.255.255', 'a private address'],
    ['100.64.0.0', 'a private address (CGNAT)'],
    ['100.100.100.200', 'a private address (CGNAT)'],
    ['100.127.255.255', 'a private address (CGNAT)'],
    ['127.0.0.1', 'a loopback address'],
    ['127.255.255.254', 'a loopback address'],
    ['168.63.129.16', 'a metadata address'],
    ['169.254.0.1', 'a link-local address'],
    ['169.254.169.254', 'a link-local address'],
    ['172.16.0.0', 'a private address'],
    ['172.31.255.255', 'a private address'],
    ['192.0.0.192', 'a reserved address'],
    ['192.0.2.1', 'a reserved address'],
    ['192.88.99.1', 'a reserved address'],
    ['192.168.0.1', 'a private address'],
    ['198.18.0.1', 'a reserved address'],
    ['198.19.255.255', 'a reserved address'],
    ['198.51.100.1', 'a reserved address'],
    ['203.0.113.1', 'a reserved address'],
    ['224.0.0.1', 'a multicast address'],
    ['239.255.255.255', 'a multicast address'],
    ['240.0.0.1', 'a reserved address'],
    ['255.255.255.255', 'the broadcast address'],
    ['::', 'the unspecified address'],
    ['::1', 'a loopback address'],
    ['::127.0.0.1', 'an IPv4 address inside an IPv6 address'],
    ['::7f00:1', 'a reserved address'],
    ['::808:808', 'a reserved address'],
    ['::ffff:127.0.0.1', 'an IPv4 address inside an IPv6 address'],
    ['::ffff:7f00:1', 'an IPv4 address inside an IPv6 address'],
    ['::ffff:8.8.8.8', 'an IPv4 address inside an IPv6 address'],
    ['::ffff:0:10.0.0.1', 'an IPv4 address inside an IPv6 address'],
    ['64:ff9b::10.0.0.1', 'an IPv4 address inside an IPv6 address'],
    ['64:ff9b:1::1', 'an IPv4 address inside an IPv6 address'],
    ['100::1', 'a reserved address'],
    ['2001::1', 'an IPv4 address inside an IPv6 address'],
    ['2001:2::1', 'a reserved address'],
    ['2001:10::1', 'a reserved address'],
    ['2001:20::1', 'a reserved address'],
    ['2001:db8::1', 'a reserved address'],
    ['2002:7f00:1::', 'an IPv4 address inside an IPv6 address'],
    ['3fff::1', 'a reserved address'],
    ['4000::1', 'a reserved address'],
    ['5f00::1', 'a reserved address'],
    ['fc00::1', 'a private address'],
    ['fd00:ec2::254', 'a private address'],
    ['fe80::1', 'a link-local address'],
    ['fe80::1%eth0', 'a link-local address'],
    ['fec0::1', 'a reserved address'],
    ['ff02::1', 'a multicast address'],
    ['', 'something that is no address'],
    ['localhost', 'something that is no address'],
  ])('calls %s %s', (address, kind) => {
    expect(forbiddenAddress(PUBLIC_ONLY, address)).toBe(kind);
  });

  test.each([
    '1.1.1.1',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.1',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '223.255.255.255',
    '2606:4700:4700::1111',
    '2a00:1450:4001:82a::200e',
  ])('lets the public address %s pass', (address) => {
    expect(forbiddenAddress(PUBLIC_ONLY, address)).toBeNull();
  });

  test.each<[string, string, boolean]>([
    ['10.0.0.0/8', '10.1.2.3', true],
    ['10.0.0.0/8', '11.0.0.1', true],
    ['10.1.0.0/16', '10.2.0.1', false],
    ['10.1.2.3', '10.1.2.3', true],
    ['10.1.2.3', '10.1.2.4', false],
    ['::1', '::1', true],
    ['[::1]', '::1', true],
    ['fd00::/8', 'fd12::1', true],
    ['fd00::/8', 'fe80::1', false],
    ['10.0.0.0/8', '::ffff:10.0.0.1', false],
    ['::ffff:0:0/96', '::ffff:10.0.0.1', true],
    ['0.0.0.0/0', '::1', false],
    ['168.63.129.16', '168.63.129.16', true],
  ])('with %s on the list and %s: %j', (entry, address, passes) => {
    expect(forbiddenAddress(allowing(entry), address) === null).toBe(passes);
  });
});

describe('isListedHost', () => {
  test.each<[string, string, boolean]>([
    ['localhost', 'http://localhost/x', true],
    ['localhost', 'https://LOCALHOST:8443', true],
    ['LocalHost', 'http://localhost', true],
    ['localhost', 'http://localhost.example.com', false],
    ['localhost', 'http://my.localhost', false],
    ['localhost:3000', 'http://localhost:3000', true],
    ['localhost:3000', 'http://localhost:3001', false],
    ['localhost:3000', 'http://localhost', false],
    ['localhost:80', 'http://localhost', true],
    ['localhost:443', 'https://localhost', true],
    ['localhost:0443', 'https://localhost', true],
    ['billing.internal, 127.0.0.1:8080', 'http://127.0.0.1:8080', true],
    ['127.0.0.1:8080', 'http://127.1:8080', true],
    ['[::1]:8080', 'http://[::1]:8080', true],
    ['bücher.internal', 'http://xn--bcher-kva.internal', true],
    ['billing_v2', 'http://billing_v2', true],
    ['', 'http://localhost', false],
  ])('%j and %s: %j', (list, url, isListed) => {
    expect(isListedHost(allowing(list), new URL(url))).toBe(isListed);
  });
});

describe('parseAllowList', () => {
  test('takes entries apart by commas, and blanks and empty ones for nothing', () => {
    expect(allowing(' localhost ,, 10.0.0.0/8,').networks).toHaveLength(1);
    expect([...allowing(' localhost ,, 10.0.0.0/8,').hosts]).toEqual(['localhost']);
  });

  test.each([
    '10/8',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/',
    'fd00::/129',
    'localhost/24',
    'http://localhost',
    'user@localhost',
    'localhost:',
    'localhost:65536',
    'localhost:http',
    'local host',
    '[::1',
    '[::g]',
    '*.internal',
    'a?b',
    'a#b',
  ])('refuses %s, and names it', (entry) => {
    expect(parseAllowList(`localhost, ${entry}`)).toEqual({ wrong: entry });
  });
});
