/**
 * PostgreSQL refuses to run as root. Containers and fresh machines often have nothing but root, and the project may lie
 * below /root, where no other user may enter. So, as root, the server runs as `nobody`, by the first way that works:
 *
 * 1. A user namespace in which root's files belong to `nobody` (`unshare`): nothing changes owner, any path works.
 * 2. Really as `nobody`, keeping one privilege of root, that of entering folders (`setpriv`): for containers that allow
 *    no namespaces. The data belong to `nobody`.
 * 3. Really as `nobody`: for systems with neither tool. Works where the path to project and data is open to others.
 */
import { execFile } from 'node:child_process';
import { chown, lchown, readFile, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PlainError } from './plain-error.ts';

export interface PostgresAccount {
  /** Put in front of a command line; empty when we are an ordinary user. */
  readonly prefix: readonly string[];
  /** Whose files the server's data must be, as seen from outside. */
  readonly owner: { readonly uid: number; readonly gid: number };
}

interface Identity { readonly uid: number; readonly gid: number }

/** Finds how to run PostgreSQL here. `program` is its binary and `folder` its data: both must be within reach. */
export async function postgresAccount(program: string, folder: string): Promise<PostgresAccount> {
  const uid = process.getuid?.() ?? 0;
  if (uid !== 0) return { prefix: [], owner: { uid, gid: process.getgid?.() ?? uid } };
  const nobody = await nobodyOf('/etc/passwd');
  for (const account of ways(nobody)) if (await works(account, program, folder)) return account;
  throw new PlainError('PostgreSQL refuses to run as root, and no other way works on this machine: '
    + 'start Gangway as an ordinary user, or set DATABASE_URL to a PostgreSQL that runs.');
}

function ways({ uid, gid }: Identity): PostgresAccount[] {
  const root = { uid: 0, gid: 0 };
  // access(2) asks on behalf of the real user and drops privileges first; no_setuid_fixup keeps them.
  const privileged = ['setpriv', '--securebits=+no_setuid_fixup', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups',
    '--inh-caps=+dac_override', '--ambient-caps=+dac_override'];
  return [
    { prefix: ['unshare', '--user', `--map-user=${uid}`, `--map-group=${gid}`], owner: root },
    { prefix: privileged, owner: { uid, gid } },
    { prefix: ['setpriv', `--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'], owner: { uid, gid } },
  ];
}

/** Tries it: not root any more, may write where the data will be, may run the binary. */
async function works(account: PostgresAccount, program: string, folder: string): Promise<boolean> {
  const trial = ['/bin/sh', '-c', 'test "$(id -u)" != 0 && test -w "$1" && "$2" --version', 'sh', folder, program];
  const [command, ...rest] = [...account.prefix, ...trial];
  if (command === undefined) return false;
  await giveTo(account, folder);
  return promisify(execFile)(command, rest, { timeout: 10_000 }).then(() => true, () => false);
}

/** Hands a folder and all in it to the account; costs one look when it has it already. */
export async function giveTo({ owner }: PostgresAccount, folder: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  if ((await stat(folder)).uid === owner.uid) return;
  const entries = await readdir(folder, { recursive: true });
  for (const entry of entries) await lchown(join(folder, entry), owner.uid, owner.gid);
  await chown(folder, owner.uid, owner.gid);   // last: its owner tells that all below is done
}

/** initdb looks its user up by number, so the account must be one the machine knows. */
async function nobodyOf(passwd: string): Promise<Identity> {
  const lines = (await readFile(passwd, 'utf8').catch(() => '')).split('\n').map((line) => line.split(':'));
  const line = lines.find(([name]) => name === 'nobody') ?? lines.find(([, , uid]) => Number(uid) > 0);
  return { uid: Number(line?.[2] ?? 65_534), gid: Number(line?.[3] ?? 65_534) };
}
