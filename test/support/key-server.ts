/** An identity provider: its keys over HTTP, tokens signed with them, and every way in which such a server fails. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT, type CryptoKey, type JWK } from 'jose';

export const faults = {
  reset: (response: ServerResponse) => { response.socket?.resetAndDestroy(); },
  hang: () => undefined,
  'hang in the middle': (response: ServerResponse) => { response.writeHead(200).write('{"keys":['); },
  'status 500': (response: ServerResponse) => { response.writeHead(500).end('{"keys":[]}'); },
  'status 404': (response: ServerResponse) => { response.writeHead(404).end(); },
  'a redirect': (response: ServerResponse) => { response.writeHead(302, { location: '/keys' }).end(); },
  'no JSON': (response: ServerResponse) => { response.end('<html>Sign in</html>'); },
  'no key set': (response: ServerResponse) => { response.end('{"keys":{}}'); },
  'no key': (response: ServerResponse) => { response.end('{"keys":[]}'); },
  'too much': (response: ServerResponse) => { response.end(`{"keys":[],"more":"${'x'.repeat(1_100_000)}"}`); },
} as const;
export type Fault = keyof typeof faults;

export interface Claims { readonly sub?: string; readonly tenant?: string; readonly nbf?: number; readonly exp?: number }

export class KeyServer {
  /** null: it answers with its keys. */
  fault: Fault | null = null;
  requests = 0;
  keys: JWK[] = [];
  private readonly signing = new Map<string, CryptoKey>();
  private readonly server: Server;

  private constructor(server: Server) {
    this.server = server;
    server.on('request', (_, response: ServerResponse) => {
      this.requests += 1;
      if (this.fault === null) response.setHeader('content-type', 'application/json').end(JSON.stringify({ keys: this.keys }));
      else faults[this.fault](response);
    });
  }

  static async start(): Promise<KeyServer> {
    const server = createServer();
    const keys = new KeyServer(server);
    await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
    await keys.addKey('first');
    return keys;
  }

  get url(): string { return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/keys`; }

  /** `published` false: it signs with it before anybody can know it. */
  async addKey(kid: string, published = true): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256', { extractable: true });
    this.signing.set(kid, privateKey);
    if (published) this.keys.push({ ...await exportJWK(publicKey), kid, alg: 'ES256' });
  }

  async token(kid: string, { sub = 'ana', tenant = 'acme', nbf, exp }: Claims = {}): Promise<string> {
    const key = this.signing.get(kid);
    if (key === undefined) throw new Error(`No key ${kid}.`);
    const now = Math.floor(Date.now() / 1_000);
    const claims = new SignJWT({ tenant, roles: ['user'] })
      .setProtectedHeader({ alg: 'ES256', kid }).setIssuer('gangway').setAudience('gangway').setSubject(sub)
      .setIssuedAt(now).setExpirationTime(exp ?? now + 600);
    return (nbf === undefined ? claims : claims.setNotBefore(nbf)).sign(key);
  }

  close(): Promise<void> {
    this.server.closeAllConnections();
    return new Promise((resolve) => { this.server.close(() => { resolve(); }); });
  }
}
