/** Development tokens: HS256 with the key of the data folder, for as long as no identity provider is set (JWKS_URL). */
import { SignJWT } from 'jose';
import type { Role } from '../domain/message.ts';
import type { Configuration } from '../service/configuration.ts';


export interface TokenRequest {
  readonly tenant: string;
  readonly sub: string;
  readonly roles: readonly Role[];
  readonly ttlSeconds: number;
}

export function developmentToken(
  request: TokenRequest, key: Uint8Array, configuration: Configuration,
): Promise<string> {
  const now = Math.floor(Date.now() / 1_000);
  return new SignJWT({ tenant: request.tenant, roles: [...request.roles] })
    .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
    .setIssuer(configuration.JWT_ISSUER)
    .setAudience(configuration.JWT_AUDIENCE)
    .setSubject(request.sub)
    .setIssuedAt(now)
    .setExpirationTime(now + request.ttlSeconds)
    .sign(key);
}
