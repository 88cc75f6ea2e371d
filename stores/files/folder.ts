/** Files in a folder of this machine. What is there is whole: it was written and synced under another name, then renamed into place. */
import { createReadStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ChunkSealer, SealedSource } from '../../encryption/sealed-chunks.ts';
import { counting, heeding } from './bytes.ts';
import { ifThere, onDisk } from './disk.ts';
import { Incoming } from './incoming.ts';
import { checkKey } from './key.ts';
import type { FileStore, StoredFile } from './port.ts';

export function openFolder(folder: string, sealer: ChunkSealer): FileStore {
  const files = join(folder, 'files');
  const incoming = new Incoming(join(folder, 'incoming'));
  const pathOf = (key: string): string => join(files, ...checkKey(key).split('/'));
  return {
    put: async (key, bytes, signal) => {
      const target = pathOf(key);
      const counted = { size: 0 };
      const { path } = await incoming.receive(sealer.seal(counting(heeding(bytes, signal), counted), key));
      try {
        await place(path, target);
      } catch (error) {
        await incoming.remove(path);
        throw error;
      }
      return counted;
    },
    open: async (key) => {
      const source = await sourceAt(pathOf(key));
      return source === null ? null : sealer.open(source, key);
    },
    delete: async (keys) => {
      for (let at = 0; at < keys.length; at += deletedAtOnce) {
        await Promise.all(keys.slice(at, at + deletedAtOnce).map((key) => remove(pathOf(key), files)));
      }
    },
    list: (prefix) => below(files, '', prefix),
    checkWritable: async () => {
      const { path } = await incoming.receive(oneByte());
      await incoming.remove(path);
    },
    close: () => undefined,
  };
}

const deletedAtOnce = 16;
/** Folders that a deletion has emptied go, also the one that a file is just being put into: it is made again. */
const placeTries = 5;

async function place(path: string, target: string): Promise<void> {
  const folder = dirname(target);
  for (let tries = 1; ; tries += 1) {
    const made = await ifThere(mkdir(folder, { recursive: true, mode: 0o700 }));
    if (await ifThere(rename(path, target).then(() => true)) === true) return syncFolders(folder, made ?? undefined);
    if (tries === placeTries) throw new Error(`Folders of ${target} vanish as fast as they are made.`);
  }
}

/** The folder that got a new name in it, and those above it that were made for it; at once, since a disk writes them down together. */
async function syncFolders(folder: string, firstMade: string | undefined): Promise<void> {
  const last = firstMade === undefined ? folder : dirname(firstMade);
  const changed = [folder];
  for (let at = folder; at !== last && at !== dirname(at);) changed.push(at = dirname(at));
  await Promise.all(changed.map(syncFolder));
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await ifThere(open(folder, 'r'));
  // gone again: its file was deleted meanwhile
  if (handle === null) return;
  await onDisk(handle.sync());
  await onDisk(handle.close());
}

async function sourceAt(path: string): Promise<SealedSource | null> {
  const found = await ifThere(stat(path));
  if (found === null || !found.isFile()) return null;
  return { size: found.size, read: (start, end) => readRange(path, start, end) };
}

async function* readRange(path: string, start: number, end: number): AsyncIterable<Uint8Array> {
  if (start >= end) return;
  const stream = createReadStream(path, { start, end: end - 1 })[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await onDisk(stream.next());
      if (next.done === true) return;
      yield next.value as Buffer;
    }
  } finally {
    await stream.return?.();
  }
}

async function remove(path: string, root: string): Promise<void> {
  await ifThere(rm(path));
  for (let folder = dirname(path); folder !== root; folder = dirname(folder)) {
    // stops at the first one that still has something in it
    if (!await rmdir(folder).then(() => true, () => false)) return;
  }
}

/** In the order of keys, in which `a-b/c` comes before `a/c`: a folder is sorted as what its keys begin with. */
async function* below(folder: string, path: string, prefix: string): AsyncIterable<StoredFile> {
  const entries = await ifThere(readdir(folder, { withFileTypes: true })) ?? [];
  const names = entries.map((entry) => (entry.isDirectory() ? `${path}${entry.name}/` : `${path}${entry.name}`)).sort();
  for (const name of names) {
    const at = join(folder, name.slice(path.length));
    if (name.endsWith('/')) {
      if (name.startsWith(prefix) || prefix.startsWith(name)) yield* below(at, name, prefix);
    } else if (name.startsWith(prefix)) {
      const found = await ifThere(stat(at));
      if (found !== null) yield { key: name, storedAt: found.mtimeMs };
    }
  }
}

async function* oneByte(): AsyncIterable<Uint8Array> {
  yield Uint8Array.of(0);
}
