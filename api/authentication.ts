/**
 * Who calls: verified JWTs with pinned algorithms, remembered until they expire (nothing else of a token is believed), or
 * API keys, looked up at every request.
 */
import { createHash } from 'node:crypto';
import { errors, jwtVerify, type JWTPayload } from 'jose';
import { roles, type Actor, type Role } from '../domain/message.ts';
import { personName } from '../domain/person.ts';
import { findApiKey, keySubject, noteUse, subjectOfKey, type KeyForCheck } from '../stores/postgres/api-keys.ts';
import { isTenantName, type Database } from '../stores/postgres/database.ts';
import type { PersonSeen } from '../stores/postgres/people.ts';
import { readPresentedKey, sameHash, type PresentedKey } from './api-key.ts';
import type { Credential } from './credential.ts';
import { IdentityUnavailableError, type IdentityKeys } from './identity-keys.ts';
import { Problem, unauthenticated } from './problem.ts';
import type { SessionTokens } from './session-tokens.ts';

export interface AuthenticationOptions {
  readonly issuer: string;
  readonly audience: string;
  /** Keys of the identity provider, or null: then the development key counts. */
  readonly identity: IdentityKeys | null;
  readonly developmentKey: Uint8Array | null;
  /** Tokens that resume links gave; null where there are none. */
  readonly sessionTokens: Pick<SessionTokens, 'read'> | null;
  /** Where API keys are looked up. */
  readonly db: Database;
  /** Told of each token that was verified, and not of its repeats. */
  readonly onVerified: (seen: PersonSeen) => void;
  readonly now: () => number;
}

/** The headers of a request that can carry a credential; '' for one that is missing. */
export interface Presented { readonly authorization: string; readonly apiKey: string }

/** Verified tokens kept; an entry is some 300 bytes. */
const rememberedTokens = 10_000;

export class Authentication {
  private readonly options: AuthenticationOptions;
  private readonly verify: (token: string) => Promise<JWTPayload>;
  private readonly remembered = new Map<string, Credential>();

  constructor(options: AuthenticationOptions) {
    this.options = options;
    this.verify = verifier(options);
  }

  /**
   * The caller behind the headers. Throws a 401 problem that says what is wrong with the credential, 400 for two credentials
   * at once (which of two people acts must not be a guess), StoreUnavailableError when a key cannot be looked up, and
   * IdentityUnavailableError when a token cannot be judged.
   */
  async authenticate({ authorization, apiKey }: Presented): Promise<Credential> {
    const given = [authorization, apiKey].filter((header) => header !== '').length;
    // some generated clients put one credential into every place that the document names: nobody has to guess there
    if (given === 2 && authorization !== `Bearer ${apiKey}`) {
      throw new Problem('invalid_request', 'Authorization and X-API-Key were both given. Send one of them.', {
        errors: [
          { pointer: '', code: 'two_credentials', message: 'A request has one credential.', fix: 'Leave out Authorization or X-API-Key.' },
        ],
      });
    }
    if (apiKey !== '' && (given === 1 || readPresentedKey(apiKey) !== null)) return this.byKey(apiKey);
    if (authorization === '') throw unauthenticated('This needs a credential: Authorization: Bearer <token>, or X-API-Key.');
    return this.byToken(authorization);
  }

  /** Whether a credential that was accepted before still counts: for streams and whatever else outlives its request. */
  async stillCounts(credential: Credential): Promise<boolean> {
    if (credential.expiresAt <= this.options.now()) return false;
    if (credential.presented === null) return true;
    const found = await findApiKey(this.options.db, credential.presented.keyId);
    if (found === null || whyNot(found, credential.presented) !== null) return false;
    // a role that its maker has lost since is lost to it too
    return credential.actor.roles.every((role) => found.roles.includes(role));
  }

  /**
   * Looked up at every request: a revoked key is refused at the very next one in every process, which no memory of verified
   * keys, however short, could promise. It costs one look-up by primary key.
   */
  private async byKey(text: string): Promise<Credential> {
    const presented = readPresentedKey(text);
    if (presented === null) throw unauthenticated('X-API-Key is not a whole key: it looks like gw_… and ends in a checksum that fits.');
    const { db } = this.options;
    const found = await findApiKey(db, presented.keyId);
    const reason = found === null ? unknownKey : whyNot(found, presented);
    if (found?.person == null || reason !== null) throw unauthenticated(reason ?? unknownKey);
    if (!found.use_is_noted) await noteUse(db, found.tenant, presented.keyId);
    const actor = { tenant: found.tenant, subject: `${keySubject}${presented.keyId}`, person: found.person, roles: found.roles };
    return { actor, expiresAt: found.expires_at?.getTime() ?? Infinity, presented };
  }

  private async byToken(header: string): Promise<Credential> {
    const [, token] = /^Bearer +([\w-]+\.[\w-]+\.[\w-]+) *$/i.exec(header) ?? [];
    if (token === undefined) throw unauthenticated('The Authorization header is not of the form: Bearer <token>.');
    const key = createHash('sha256').update(token).digest('base64');
    const known = this.remembered.get(key);
    if (known !== undefined && known.expiresAt > this.options.now()) return known;
    const ours = await this.judged(async () => await this.options.sessionTokens?.read(token) ?? null);
    if (ours !== null) {
      this.remember(key, ours);
      return ours;
    }
    const payload = await this.judged(() => this.verify(token));
    // the leeway is for clocks that are ahead of ours, not for a token that has ended
    if ((payload.exp ?? 0) * 1_000 <= this.options.now()) throw expired();
    const actor = holderOf(payload);
    const credential = { actor, expiresAt: (payload.exp ?? 0) * 1_000, presented: null };
    this.remember(key, credential);
    this.options.onVerified({ ...actor, issuedAt: this.issuedAt(payload) });
    return credential;
  }

  private async judged<T>(verified: () => Promise<T>): Promise<T> {
    try {
      return await verified();
    } catch (error) {
      if (error instanceof errors.JWTExpired) throw expired();
      // whatever else is none of jose's words on the token: a key of the identity provider's that cannot be used
      if (!(error instanceof errors.JOSEError)) throw error instanceof IdentityUnavailableError ? error : this.unusable(error);
      throw unauthenticated('The token is not valid here: its signature, issuer, audience or times do not hold.');
    }
  }

  private unusable(error: unknown): unknown {
    return this.options.identity?.unavailable(error) ?? error;
  }

  /** A token that does not say so, or says a time to come, counts as issued now. */
  private issuedAt({ iat }: JWTPayload): number {
    const now = this.options.now();
    return Math.min(iat === undefined ? now : iat * 1_000, now);
  }

  private remember(key: string, credential: Credential): void {
    this.remembered.delete(key);
    this.remembered.set(key, credential);
    const oldest = this.remembered.keys().next().value;
    if (this.remembered.size > rememberedTokens && oldest !== undefined) this.remembered.delete(oldest);
  }
}

/** How far the clock of an identity provider may be ahead of ours: for `nbf`. */
const leewaySeconds = 30;
const expired = (): Problem => unauthenticated('The token has expired. Get a new one.');

const unknownKey = 'The API key is not valid here.';

/** Why a key is refused, or null. Only who holds a secret that was right once learns more than that it is not valid. */
function whyNot(found: KeyForCheck, { hash }: PresentedKey): string | null {
  const previous = found.previous_hash !== null && sameHash(hash, found.previous_hash);
  if (!sameHash(hash, found.secret_hash) && !(previous && found.previous_counts)) return unknownKey;
  if (found.revoked) return 'The API key was revoked.';
  if (found.person === null) return 'Nobody knows for whom this API key acts: its maker is gone. Make a new one.';
  return found.expired ? 'The API key has expired. Make a new one.' : null;
}

function verifier(options: AuthenticationOptions): (token: string) => Promise<JWTPayload> {
  const claims = {
    issuer: options.issuer, audience: options.audience, requiredClaims: ['exp', 'sub', 'tenant'], clockTolerance: leewaySeconds,
  };
  const { identity } = options;
  if (identity !== null) {
    const find = identity.find.bind(identity);
    return async (token) => (await jwtVerify(token, find, { ...claims, algorithms: ['RS256', 'ES256', 'EdDSA'] })).payload;
  }
  const { developmentKey } = options;
  if (developmentKey === null) throw new Error('Authentication needs JWKS_URL or a development key.');
  return async (token) => (await jwtVerify(token, developmentKey, { ...claims, algorithms: ['HS256'] })).payload;
}

/** Unknown roles grant nothing. */
function holderOf(payload: JWTPayload): Actor & { readonly person: string } {
  const { sub, tenant, roles: claimed } = payload as JWTPayload & { tenant?: unknown; roles?: unknown };
  if (typeof tenant !== 'string' || !isTenantName(tenant)) {
    throw unauthenticated('The claim tenant is not a name of 1-128 printable characters.');
  }
  if (typeof sub !== 'string' || !isTenantName(sub)) throw unauthenticated('The claim sub is not a name of 1-128 printable characters.');
  if (subjectOfKey(sub)) throw unauthenticated('The claim sub begins like the name of an API key.');
  const held = Array.isArray(claimed) ? roles.filter((role): role is Role => claimed.includes(role)) : [];
  return { tenant, subject: sub, person: personName(tenant, sub), roles: held };
}
