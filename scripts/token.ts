/** npm run --silent token -- --tenant acme --sub ana --roles user,approver [--ttl 3600]: prints a development token. */
import { roles, type Role } from '../domain/message.ts';
import { readConfiguration } from '../service/environment.ts';
import { endWithUsage, optionsOf, UsageError } from './arguments.ts';
import { developmentToken, type TokenRequest } from './development-token.ts';
import { dataFolder } from './embedded/data-folder.ts';
import { developmentKey } from './embedded/secrets.ts';

const usage = `Usage: npm run --silent token -- --tenant TENANT --sub PERSON --roles ROLE[,ROLE…] [--ttl SECONDS]
  --tenant  the tenant the person belongs to, for example acme
  --sub     who the token is for, for example ana
  --roles   of ${roles.join(', ')}
  --ttl     how long it counts, in seconds (default 3600, at most 30 days)`;

const ttlSecondsMax = 30 * 24 * 3_600;

function tokenRequest(argv: readonly string[]): TokenRequest {
  const text = { type: 'string' } as const;
  const values = optionsOf(argv, { tenant: text, sub: text, roles: text, ttl: text });
  const ttlSeconds = Number(values.ttl ?? '3600');
  if (!Number.isInteger(ttlSeconds) || ttlSeconds < 1 || ttlSeconds > ttlSecondsMax) {
    const range = `from 1 to ${ttlSecondsMax}`;
    throw new UsageError(`--ttl must be a whole number of seconds ${range}, not "${values.ttl ?? ''}".`);
  }
  const [tenant, sub] = [name('--tenant', values.tenant), name('--sub', values.sub)];
  return { tenant, sub, roles: roleList(values.roles), ttlSeconds };
}

function name(option: string, value: string | undefined): string {
  if (value === undefined || value === '') throw new UsageError(`${option} is missing.`);
  if (/\s/.test(value)) throw new UsageError(`${option} must not have blanks: "${value}".`);
  return value;
}

function roleList(value: string | undefined): Role[] {
  const wanted = (value ?? '').split(',').map((role) => role.trim()).filter((role) => role !== '');
  if (wanted.length === 0) throw new UsageError('--roles is missing.');
  return wanted.map((role) => {
    const known = roles.find((candidate) => candidate === role);
    if (!known) throw new UsageError(`There is no role "${role}"; there are ${roles.join(', ')}.`);
    return known;
  });
}

try {
  const request = tokenRequest(process.argv.slice(2));
  const configuration = readConfiguration(process.env);
  if (configuration.JWKS_URL !== undefined) {
    throw new UsageError('JWKS_URL is set: your identity provider makes the tokens, and development tokens do not count.');
  }
  const key = await developmentKey(dataFolder(configuration));
  process.stdout.write(`${await developmentToken(request, key, configuration)}\n`);
} catch (error) {
  if (error instanceof UsageError) endWithUsage(error, usage);
  process.exitCode = 1;
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
