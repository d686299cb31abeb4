import { lookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { callbackify } from 'node:util';
import { buildConnector } from 'undici';
import { type AllowList, forbiddenAddress, isListedHost, withoutBrackets } from './http-guard.js';

/** Finds all addresses of a host. */
export type Resolve = (
  hostname: string,
) => Promise<readonly { readonly address: string; readonly family: number }[]>;

/** How far a request has come, which decides what its failure means. */
export type Progress = {
  /** A connection stood: whatever happens from here on, the request may have arrived. */
  isConnected: boolean;
  /** Why no connection was tried, as a clause. */
  refusal: string | null;
};

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * A connector for one request, which judges the very addresses it connects to.
 *
 * Judging the name beforehand would not help: its owner can answer with another address a moment later.
 */
export function guardedConnector(
  url: URL,
  allow: AllowList,
  resolve: Resolve = (hostname) => lookup(hostname, { all: true }),
): { readonly connect: buildConnector.connector; readonly progress: Progress } {
  const progress: Progress = { isConnected: false, refusal: null };
  const isListed = isListedHost(allow, url);
  const refuse = (refusal: string): Error => {
    progress.refusal = refusal;
    return new Error(refusal);
  };

  const find = callbackify(async (hostname: string) => await resolve(hostname));
  const permitted: LookupFunction = (hostname, options, callback) => {
    find(hostname, (error, found) => {
      if (error !== null) {
        callback(error, []);
        return;
      }
      const open = found.filter(
        ({ address }) => isListed || forbiddenAddress(allow, address) === null,
      );
      const [first] = open;
      if (first === undefined) {
        const kind = forbiddenAddress(allow, found[0]?.address ?? '') ?? 'no address';
        callback(refuse(`${hostname} leads to ${kind}`), []);
      } else if (options.all === true) {
        callback(null, [...open]);
      } else {
        callback(null, first.address, first.family);
      }
    });
  };

  const connector = buildConnector({ timeout: CONNECT_TIMEOUT_MS, lookup: permitted });
  return {
    progress,
    connect: (options, callback) => {
      const host = withoutBrackets(options.hostname);
      // For a literal address nothing is looked up.
      const forbidden = isIP(host) === 0 || isListed ? null : forbiddenAddress(allow, host);
      if (forbidden !== null) {
        callback(refuse(`${host} is ${forbidden}`), null);
        return;
      }
      connector(options, (...result) => {
        progress.isConnected ||= result[0] === null;
        callback(...result);
      });
    },
  };
}
