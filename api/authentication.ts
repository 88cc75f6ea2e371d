/** Who calls: verified JWTs with pinned algorithms, remembered until they expire. Nothing else of a token is believed. */
import { createHash } from 'node:crypto';
import { createRemoteJWKSet, jwtVerify, type JWTPayload } from 'jose';
import { roles, type Actor, type Role } from '../domain/message.ts';
import { unauthenticated } from './problem.ts';

export interface AuthenticationOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Key set of the identity provider, or null: then the development key counts. */
  readonly jwksUrl: string | null;
  readonly developmentKey: Uint8Array | null;
  readonly now: () => number;
}

export interface Credential { readonly actor: Actor; readonly expiresAt: number }

/** Verified tokens kept; an entry is some 300 bytes. */
const rememberedTokens = 10_000;
const name = /^[^\p{C}\s](?:[^\p{C}]{0,126}[^\p{C}\s])?$/u;

export class Authentication {
  private readonly options: AuthenticationOptions;
  private readonly verify: (token: string) => Promise<JWTPayload>;
  private readonly remembered = new Map<string, Credential>();

  constructor(options: AuthenticationOptions) {
    this.options = options;
    this.verify = verifier(options);
  }

  /** The caller behind an Authorization header. Throws a 401 problem that says what is wrong with the credential. */
  async authenticate(header: string | undefined): Promise<Credential> {
    if (header === undefined || header === '') throw unauthenticated('This needs a credential: Authorization: Bearer <token>.');
    const match = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(header);
    if (match?.[1] === undefined) throw unauthenticated('The Authorization header is not of the form: Bearer <token>.');
    const key = createHash('sha256').update(match[1]).digest('base64');
    const known = this.remembered.get(key);
    if (known !== undefined && known.expiresAt > this.options.now()) return known;
    const credential = credentialOf(await this.payload(match[1]));
    this.remember(key, credential);
    return credential;
  }

  private async payload(token: string): Promise<JWTPayload> {
    try {
      return await this.verify(token);
    } catch (error) {
      if (error instanceof Error && 'code' in error && error.code === 'ERR_JWT_EXPIRED') throw unauthenticated('The token has expired. Get a new one.');
      throw unauthenticated('The token is not valid here: its signature, issuer, audience or times do not hold.');
    }
  }

  private remember(key: string, credential: Credential): void {
    this.remembered.delete(key);
    this.remembered.set(key, credential);
    const oldest = this.remembered.keys().next().value;
    if (this.remembered.size > rememberedTokens && oldest !== undefined) this.remembered.delete(oldest);
  }
}

function verifier(options: AuthenticationOptions): (token: string) => Promise<JWTPayload> {
  const claims = { issuer: options.issuer, audience: options.audience, requiredClaims: ['exp', 'sub', 'tenant'] };
  if (options.jwksUrl !== null) {
    const keys = createRemoteJWKSet(new URL(options.jwksUrl), { timeoutDuration: 3_000 });
    return async (token) => (await jwtVerify(token, keys, { ...claims, algorithms: ['RS256', 'ES256', 'EdDSA'] })).payload;
  }
  const { developmentKey } = options;
  if (developmentKey === null) throw new Error('Authentication needs JWKS_URL or a development key.');
  return async (token) => (await jwtVerify(token, developmentKey, { ...claims, algorithms: ['HS256'] })).payload;
}

/** Unknown roles grant nothing. */
function credentialOf(payload: JWTPayload): Credential {
  const { sub, exp, tenant, roles: claimed } = payload as JWTPayload & { tenant?: unknown; roles?: unknown };
  if (typeof tenant !== 'string' || !name.test(tenant)) throw unauthenticated('The claim tenant is not a name of 1-128 printable characters.');
  if (typeof sub !== 'string' || !name.test(sub)) throw unauthenticated('The claim sub is not a name of 1-128 printable characters.');
  const held = Array.isArray(claimed) ? roles.filter((role): role is Role => claimed.includes(role)) : [];
  return { actor: { tenant, subject: sub, roles: held }, expiresAt: (exp ?? 0) * 1_000 };
}
