import ipaddr from 'ipaddr.js';

type Address = ReturnType<typeof ipaddr.parse>;

/** What an operator lets `http` blocks reach although it is no public address. */
export type AllowList = {
  /** Host names and addresses as a URL spells them, with `:port` where only that port is meant. */
  readonly hosts: ReadonlySet<string>;
  readonly networks: readonly (readonly [Address, number])[];
};

/** Lets nothing through but public addresses. */
export const PUBLIC_ONLY: AllowList = { hosts: new Set(), networks: [] };

/** Reads a comma-separated list of host names, `host:port` and networks (CIDR), or gives the first wrong entry. */
export function parseAllowList(text: string): AllowList | { readonly wrong: string } {
  const hosts = new Set<string>();
  const networks: (readonly [Address, number])[] = [];
  for (const entry of text.split(',').map((part) => part.trim())) {
    if (entry === '') {
      continue;
    }
    const network = parseNetwork(entry);
    const host = network === null ? parseHost(entry) : null;
    if (network !== null) {
      networks.push(network);
    } else if (host === null) {
      return { wrong: entry };
    } else {
      hosts.add(host);
    }
  }
  return { hosts, networks };
}

/** `10.0.0.0/8`, or a lone address as the network of one. */
function parseNetwork(entry: string): readonly [Address, number] | null {
  if (entry.includes('/')) {
    // Only four-part notation: the library reads `10/8` as 0.0.0.10/8.
    const isValid = entry.includes(':')
      ? ipaddr.IPv6.isValidCIDR(entry)
      : ipaddr.IPv4.isValidCIDRFourPartDecimal(entry);
    return isValid ? ipaddr.parseCIDR(entry) : null;
  }
  const bare = withoutBrackets(entry);
  const isAddress = ipaddr.IPv6.isValid(bare) || ipaddr.IPv4.isValidFourPartDecimal(bare);
  return isAddress ? [ipaddr.parse(bare), bare.includes(':') ? 128 : 32] : null;
}

function parseHost(entry: string): string | null {
  const [, host = '', port] = /^(\[[\da-f:.]+\]|[\p{L}\d_.-]+)(?::(\d{1,5}))?$/iu.exec(entry) ?? [];
  // By the URL parser, so that it is spelt as in the URLs it is compared with.
  const url = `http://${host}`;
  if (!URL.canParse(url) || (port !== undefined && Number(port) > 65_535)) {
    return null;
  }
  const { hostname } = new URL(url);
  return port === undefined ? hostname : `${hostname}:${Number(port)}`;
}

/** True if a URL's host and port are on the list by name, so that it may lead to any address. */
export function isListedHost(allow: AllowList, url: URL): boolean {
  const port = url.port === '' ? (url.protocol === 'https:' ? '443' : '80') : url.port;
  return allow.hosts.has(url.hostname) || allow.hosts.has(`${url.hostname}:${port}`);
}

/**
 * Why a block must not connect to an address, as a noun phrase; null if it may.
 *
 * Only public unicast passes. Everything else leads back to this machine, into its network, to a cloud's metadata, or is
 * a way to write such an address inside another (mapped, 6to4, NAT64, Teredo).
 */
export function forbiddenAddress(allow: AllowList, address: string): string | null {
  if (!ipaddr.isValid(address)) {
    return 'something that is no address';
  }
  const parsed = ipaddr.parse(address);
  if (allow.networks.some(([network, bits]) => contains(network, bits, parsed))) {
    return null;
  }
  if (METADATA.has(address)) {
    return 'a metadata address';
  }
  const range: string = parsed.range();
  const isPublic =
    range === 'unicast' && (parsed.kind() === 'ipv4' || contains(GLOBAL_IPV6, 3, parsed));
  return isPublic ? null : (NOUNS[range] ?? 'a reserved address');
}

function contains(network: Address, bits: number, address: Address): boolean {
  return network.kind() === address.kind() && address.match(network, bits);
}

/** All that is assigned for the public; the library calls `::127.0.0.1` unicast. */
const GLOBAL_IPV6 = ipaddr.parse('2000::');

/** Metadata services that answer at public addresses: Azure's. The others are link-local or private. */
const METADATA: ReadonlySet<string> = new Set(['168.63.129.16']);

const NOUNS: { readonly [range: string]: string } = {
  broadcast: 'the broadcast address',
  carrierGradeNat: 'a private address (CGNAT)',
  ipv4Mapped: 'an IPv4 address inside an IPv6 address',
  linkLocal: 'a link-local address',
  loopback: 'a loopback address',
  multicast: 'a multicast address',
  private: 'a private address',
  rfc6052: 'an IPv4 address inside an IPv6 address',
  rfc6145: 'an IPv4 address inside an IPv6 address',
  teredo: 'an IPv4 address inside an IPv6 address',
  '6to4': 'an IPv4 address inside an IPv6 address',
  uniqueLocal: 'a private address',
  unspecified: 'the unspecified address',
};

/** The host of a URL as sockets take it. */
export function withoutBrackets(hostname: string): string {
  return hostname.replace(/^\[(.*)\]$/, '$1');
}
