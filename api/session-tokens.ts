/**
 * Tokens that a spent resume link gives: short-lived JWTs (HS256) of ours for the owner of one session, with the role user and for
 * that session alone. Signed with keys derived from those that encrypt, which every process has, also where JWKS_URL is set; a
 * rotation is followed as there. Their issuer is one that no identity provider may have.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, jwtVerify, SignJWT, type JWTPayload } from 'jose';
import type { CodecKeys } from '../encryption/sealer.ts';
import type { LinkHolder } from '../stores/postgres/resume-links.ts';
import type { Credential } from './credential.ts';

export const sessionTokenIssuer = 'gangway:resume-link';

export interface SessionTokensOptions {
  /** null: nothing is encrypted, and tokens count in this process only. */
  readonly keys: CodecKeys | null;
  readonly audience: string;
  readonly ttlSeconds: number;
  readonly now: () => number;
}

export class SessionTokens {
  private readonly options: SessionTokensOptions;
  private readonly primary: string;
  private readonly keys: ReadonlyMap<string, Uint8Array>;

  constructor(options: SessionTokensOptions) {
    this.options = options;
    const { primary, byId } = options.keys ?? { primary: 'process', byId: new Map([['process', randomBytes(32)]]) };
    this.primary = primary;
    this.keys = new Map([...byId].map(([id, key]) => [id, createHmac('sha256', key).update('gangway session tokens').digest()]));
  }

  issue({ tenant, session_id, owner, person }: LinkHolder): Promise<string> {
    const now = Math.floor(this.options.now() / 1_000);
    return new SignJWT({ tenant, person, session_id, roles: ['user'] })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT', kid: this.primary })
      .setIssuer(sessionTokenIssuer).setAudience(this.options.audience).setSubject(owner)
      .setIssuedAt(now).setExpirationTime(now + this.options.ttlSeconds)
      .sign(this.keyOf(this.primary));
  }

  /** The credential, or null for a token that claims another issuer. Throws errors of jose for one of ours that does not hold. */
  async read(token: string): Promise<Credential | null> {
    if (!isOurs(token)) return null;
    const { kid = '' } = decodeProtectedHeader(token);
    const { payload } = await jwtVerify<Claims>(token, this.keyOf(kid), {
      algorithms: ['HS256'], issuer: sessionTokenIssuer, audience: this.options.audience, currentDate: new Date(this.options.now()),
      requiredClaims: ['exp', 'sub', 'tenant', 'person', 'session_id'],
    });
    const { tenant, person, sub = '', session_id: onlySession, exp = 0 } = payload;
    return { actor: { tenant, subject: sub, person, roles: ['user'] }, expiresAt: exp * 1_000, presented: null, onlySession };
  }

  /** Of one that is not known a key that fits nothing. */
  private keyOf(id: string): Uint8Array {
    return this.keys.get(id) ?? randomBytes(32);
  }
}

type Claims = JWTPayload & { readonly tenant: string; readonly person: string; readonly session_id: string };

function isOurs(token: string): boolean {
  try {
    return decodeJwt(token).iss === sessionTokenIssuer;
  } catch {
    return false;
  }
}
