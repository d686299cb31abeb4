import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { Provider } from 'oidc-provider';

/** Claims of the people of a provider, by the name they sign in with. */
export type Accounts = Map<string, Readonly<Record<string, unknown>>>;

/** A real OpenID provider on this machine, with login forms, whose people a test makes up. */
export type OpenIdProvider = {
  readonly issuer: string;
  readonly accounts: Accounts;
  /** Lets a client in that comes back to this address. */
  register(redirectUri: string): void;
  /** A token as the provider signs it. */
  sign(claims: Readonly<Record<string, unknown>>, by?: 'its key' | 'another key'): Promise<string>;
  stop(): Promise<void>;
};

/** Starts one; it knows no client before `register`. */
export async function startOpenIdProvider(): Promise<OpenIdProvider> {
  let handle: RequestListener = (_request, response) => void response.writeHead(503).end();
  const server = createServer((request, response) => handle(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const issuer = `http://127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`;
  const accounts: Accounts = new Map();
  const ours = await generateKeyPair('RS256', { extractable: true });
  const others = await generateKeyPair('RS256', { extractable: true });
  const jwk = { ...(await exportJWK(ours.privateKey)), kid: 'k1', alg: 'RS256', use: 'sig' };
  return {
    issuer,
    accounts,
    register: (redirectUri) => {
      const provider = new Provider(issuer, {
        clients: [
          {
            client_id: 'countersign',
            client_secret: 'a secret of the client',
            redirect_uris: [redirectUri],
            grant_types: ['authorization_code'],
            response_types: ['code'],
          },
        ],
        jwks: { keys: [jwk] },
        cookies: { keys: ['a key of cookies'] },
        claims: { openid: ['sub', 'groups'], profile: ['name'], email: ['email'] },
        conformIdTokenClaims: false,
        findAccount: (_context, sub) => ({
          accountId: sub,
          claims: () => ({ sub, ...accounts.get(sub) }),
        }),
      });
      const listener = provider.callback();
      handle = (request, response) => void listener(request, response);
    },
    sign: async (claims, by = 'its key') =>
      await new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'RS256', kid: 'k1' })
        .sign(by === 'its key' ? ours.privateKey : others.privateKey),
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** A browser as far as signing in needs one: it keeps cookies by host and path, and follows nothing by itself. */
export function createBrowser(): {
  visit(url: string, form?: Readonly<Record<string, string>>): Promise<Response>;
  /** The value of a cookie; empty where there is none. */
  cookie(name: string): string;
} {
  const jar = new Map<string, { value: string; host: string; path: string }>();
  return {
    cookie: (name) => [...jar.entries()].find(([key]) => key.endsWith(` ${name}`))?.[1].value ?? '',
    visit: async (url, form) => {
      const { host, pathname } = new URL(url);
      const cookie = [...jar.entries()]
        .filter(([, one]) => one.host === host && pathname.startsWith(one.path))
        .map(([key, { value }]) => `${key.split(' ')[1]}=${value}`)
        .join('; ');
      const response = await fetch(url, {
        redirect: 'manual',
        headers: cookie === '' ? {} : { cookie },
        ...(form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }),
      });
      for (const line of response.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        const path = /; ?path=([^;]+)/i.exec(line)?.[1] ?? '/';
        jar.set(`${host}${path} ${name}`, { value, host, path });
      }
      return response;
    },
  };
}
