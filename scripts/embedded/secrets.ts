/**
 * Development secrets, made once and kept in DATA/secrets (0700, files 0600). With your own identity provider
 * (JWKS_URL) and your own servers (DATABASE_URL …) none of them is made.
 */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { link, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readCodecKeys } from '../../encryption/sealer.ts';
import { PlainError, systemCode } from './plain-error.ts';

const keyBytes = 32;

/** The HS256 key of development tokens: 32 random bytes, the same for every process on this data folder. */
export async function developmentKey(folder: string): Promise<Uint8Array> {
  const path = join(folder, 'secrets', 'jwt.key');
  const key = await kept(path, randomBytes(keyBytes));
  if (key.length !== keyBytes) {
    throw new PlainError(`${path} is damaged (${key.length} bytes instead of ${keyBytes}): remove it and start again.`);
  }
  return Uint8Array.from(key);
}

/**
 * The key that encrypts what people say, kept in the form of GANGWAY_CODEC_KEYS: whoever sets that variable later puts this
 * line behind the new key, and everything stays readable. Its id tells a lost and remade key from the first one. Throws
 * ConfigurationError that names the file when it holds no key.
 */
export async function developmentCodecKeys(folder: string): Promise<string> {
  const path = codecKeyFile(folder);
  const key = randomBytes(keyBytes);
  const id = `local-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
  const keys = (await kept(path, Buffer.from(`${id}:${key.toString('base64')}\n`))).toString('utf8').trim();
  readCodecKeys(keys, path);
  return keys;
}

/** Whether the folder holds data that were sealed with a key which is not there any more. */
export function codecKeyIsGone(folder: string): boolean {
  return !existsSync(codecKeyFile(folder)) && ['temporal.db', join('postgres', 'PG_VERSION')].some(
    (file) => existsSync(join(folder, file)),
  );
}

export function codecKeyFile(folder: string): string {
  return join(folder, 'secrets', 'codec.key');
}

/** The secret in the path of the codec endpoint for the Temporal Web UI. */
export async function codecPathKey(folder: string): Promise<string> {
  const key = await kept(join(folder, 'secrets', 'codec-path.key'), Buffer.from(randomBytes(32).toString('base64url')));
  return key.toString('utf8').trim();
}

/** The password of the embedded PostgreSQL, as hexadecimal so that it needs no escaping in a URL. */
export async function postgresPassword(folder: string): Promise<string> {
  const fresh = Buffer.from(randomBytes(24).toString('hex'));
  const password = await kept(join(folder, 'secrets', 'postgres.password'), fresh);
  return password.toString('utf8').trim();
}

/**
 * What is kept at `path`, after keeping `fresh` there if nothing was. The file is written aside and linked into place:
 * the link fails when another process was first, and nobody ever reads half a secret.
 */
async function kept(path: string, fresh: Buffer): Promise<Buffer> {
  const present = await contents(path);
  if (present !== undefined) return present;
  await mkdir(join(path, '..'), { recursive: true, mode: 0o700 });
  const aside = `${path}.${randomBytes(6).toString('hex')}`;
  await writeFile(aside, fresh, { mode: 0o600, flag: 'wx', flush: true });
  try {
    await link(aside, path);
    return fresh;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    return await readFile(path);
  } finally {
    await rm(aside, { force: true });
  }
}

async function contents(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
