/** The data folder: whether it can be used at all, and whether its keys are there. */
import { constants } from 'node:fs';
import { access, mkdir, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ConfigurationError } from '../../domain/configuration-error.ts';
import { codecKeysSetting, readCodecKeys } from '../../encryption/sealer.ts';
import { lostKeysSetting } from '../../stores/postgres/codec-keys.ts';
import type { Configuration } from '../../service/configuration.ts';
import { systemCode } from '../embedded/plain-error.ts';
import { codecKeyFile, codecKeyIsGone } from '../embedded/secrets.ts';
import { about, type Finding } from './finding.ts';

const { well, wrong, note } = about('folder');
const another = 'or choose another folder with GANGWAY_DATA=…';

/** SQLite takes a path of at most 512 bytes, and adds names of its own; PostgreSQL and Valkey take longer ones. */
const pathBytesMax = 400;
/** A start writes some 100 MB at first; below this PostgreSQL and Temporal may stop in the middle of a day. */
const freeBytesMin = 512 * 1_024 * 1_024;

/** What is missing is made for a start, and only looked for otherwise. */
export async function folderFindings(folder: string, configuration: Configuration, how: 'make' | 'look'): Promise<Finding[]> {
  const name = nameFault(folder, configuration.GANGWAY_DATA);
  if (name !== null) return [name];
  try {
    if (how === 'make') await makeFolder(folder);
    const there = await nearest(folder);
    if (!(await stat(there)).isDirectory()) return [noFolder(folder)];
    await access(there, constants.R_OK | constants.W_OK | constants.X_OK);
    if (there !== folder) return [well(`${folder} can be made at the first start`)];
  } catch (error) {
    return [unusable(folder, error)];
  }
  const barred = await barredEntries(folder);
  if (barred.length > 0) {
    return [wrong(
      `${barred.map((entry) => join(folder, entry)).join(', ')} cannot be written by this user (${whoWeAre()}), as after a start by ` +
      `another`,
      `give the folder back (sudo chown -R ${String(process.getuid?.() ?? 'you')} '${folder}'), ${another}`,
    )];
  }
  const { bavail, bsize } = await statfs(folder);
  const room = bavail * bsize < freeBytesMin
    ? note(
      `There are only ${Math.floor((bavail * bsize) / 1_048_576)} MB left for ${folder}`, 'make room before the stores stop for want of it',
    )
    : well(`${folder} can be written`);
  return [room];
}

/** The folder itself, or the one above it that is there. */
export async function nearest(path: string): Promise<string> {
  return await stat(path).then(() => true, (error: unknown) => {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }) ? path : nearest(dirname(path));
}

/**
 * With those above it. Not by Node's own option, which never ends where the system knows a folder and lets nothing be made in it
 * (/proc).
 */
async function makeFolder(path: string): Promise<void> {
  const made = (): Promise<unknown> => mkdir(path, { mode: 0o700 });
  try {
    await made();
  } catch (error) {
    const code = systemCode(error);
    if (code === 'EEXIST') return;
    if (code !== 'ENOENT' || await stat(dirname(path)).then(() => true, () => false)) throw error;
    await makeFolder(dirname(path));
    await made();
  }
}

function nameFault(folder: string, given: string): Finding | null {
  if (/^~(\/|$)/.test(given)) return wrong('GANGWAY_DATA begins with ~, which only a shell replaces', 'write the whole path');
  // oxlint-disable-next-line no-control-regex -- those are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(folder)) {
    return wrong('GANGWAY_DATA has a line break or another control character in it', 'choose another name');
  }
  if (Buffer.byteLength(folder) <= pathBytesMax) return null;
  return wrong(`GANGWAY_DATA is a path of ${Buffer.byteLength(folder)} bytes, and the stores take ${pathBytesMax}`, 'choose a shorter one');
}

function unusable(folder: string, error: unknown): Finding {
  const code = systemCode(error);
  if (code === 'EACCES' || code === 'EPERM') {
    return wrong(`${folder} cannot be used by this user (${whoWeAre()})`, `have it given to this user, ${another}`);
  }
  if (code === 'ENOENT') return wrong(`${folder} cannot be made where it would be`, another.replace('or ', ''));
  if (code === 'EROFS') return wrong(`${folder} is on a file system that is read-only`, another.replace('or ', ''));
  if (code === 'ENOTDIR' || code === 'EEXIST') return noFolder(folder);
  if (code === 'ENOSPC') return wrong(`There is no room left to make ${folder}`, `make room, ${another}`);
  return wrong(`${folder} cannot be used (${code ?? String(error)})`, another.replace('or ', ''));
}

function noFolder(folder: string): Finding {
  return wrong(`${folder} is, or lies below, a file that is no folder`, another.replace('or ', ''));
}

/** What a start of somebody else (by sudo, mostly) has left behind. PostgreSQL's own folder may belong to its own account. */
async function barredEntries(folder: string): Promise<string[]> {
  const entries = (await readdir(folder)).filter((entry) => process.getuid?.() !== 0 || entry !== 'postgres');
  const barred = await Promise.all(entries.map(async (entry) => {
    const path = join(folder, entry);
    const isFolder = (await stat(path).catch(() => null))?.isDirectory() === true;
    const wanted = constants.R_OK | constants.W_OK | (isFolder ? constants.X_OK : 0);
    return access(path, wanted).then(() => [], (error: unknown) => (systemCode(error) === 'ENOENT' ? [] : [entry]));
  }));
  return barred.flat();
}

function whoWeAre(): string {
  return `uid ${String(process.getuid?.() ?? '?')}`;
}

const keys = about('keys');

/** Of the folder: whatever is wrong with them harms only once something runs, so it is told before. */
export async function keyFindings(folder: string, configuration: Configuration): Promise<Finding[]> {
  const findings: Finding[] = [];
  const path = codecKeyFile(folder);
  if (configuration.GANGWAY_CODEC_KEYS === undefined) {
    if (codecKeyIsGone(folder) && configuration.GANGWAY_LOST_KEYS === undefined) {
      findings.push(keys.wrong(
        `${path} is missing, and ${folder} holds data that were encrypted with it`,
        `put it back from a backup; or, if it is lost for good, start once with ${lostKeysSetting}=all: a new key is made, sessions of ` +
        `the ` +
        'lost one answer 503 key_unavailable, and everything else goes on',
      ));
    }
    const text = await contents(path);
    const fault = text === undefined ? null : formFault(text.toString('utf8').trim(), path);
    if (fault !== null) findings.push(keys.wrong(fault, `put the right file back from a backup, or set ${codecKeysSetting}`));
  }
  const development = join(folder, 'secrets', 'jwt.key');
  const key = configuration.JWKS_URL === undefined ? await contents(development) : undefined;
  if (key !== undefined && key.length !== 32) {
    findings.push(
      keys.wrong(`${development} is damaged (${key.length} bytes instead of 32)`, 'put it back, or remove it and make new tokens'),
    );
  }
  const secrets = await stat(join(folder, 'secrets')).catch(() => null);
  if (secrets !== null && (secrets.mode & 0o077) !== 0) {
    findings.push(keys.note(`Others may look into ${join(folder, 'secrets')}`, `chmod 700 '${join(folder, 'secrets')}'`));
  }
  return findings.length > 0 ? findings : [keys.well(configuration.GANGWAY_CODEC_KEYS === undefined ? 'The keys of the folder can be used'
    : `${codecKeysSetting} can be used`)];
}

function formFault(text: string, path: string): string | null {
  try {
    readCodecKeys(text, path);
    return null;
  } catch (error) {
    if (error instanceof ConfigurationError) return error.faults.join('; ');
    throw error;
  }
}

/** undefined: it is not there, or not for us to read, which is told of the folder. */
async function contents(path: string): Promise<Buffer | undefined> {
  return readFile(path).catch((error: unknown) => {
    if (['ENOENT', 'EACCES', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  });
}
