/** Sealed files on their way into the store: a folder of this machine, in which a killed process may leave some behind. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { onDisk } from './disk.ts';

/** No upload is silent for this long, so what was not written to since belongs to nobody. */
const leftoverAfterMs = 3_600_000;

export class Incoming {
  private readonly folder: string;
  private sweptAt = -Infinity;

  constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Writes all of it to a new file, synced to the disk. When that fails, whoever is at fault, nothing is left of it. Rejects with
   * StoreUnavailableError when the disk takes no more, and with the error of `bytes` when they end early.
   */
  async receive(bytes: AsyncIterable<Uint8Array>): Promise<{ readonly path: string; readonly size: number }> {
    await onDisk(mkdir(this.folder, { recursive: true, mode: 0o700 }));
    await this.sweep();
    const path = join(this.folder, randomUUID());
    try {
      return { path, size: await writeAll(path, bytes) };
    } catch (error) {
      // what cannot be removed now is swept later; what went wrong first is what matters
      await this.remove(path).catch(() => undefined);
      throw error;
    }
  }

  async remove(path: string): Promise<void> {
    await onDisk(rm(path, { force: true }));
  }

  /** Once an hour. */
  private async sweep(): Promise<void> {
    if (performance.now() - this.sweptAt < leftoverAfterMs) return;
    this.sweptAt = performance.now();
    for (const name of await onDisk(readdir(this.folder))) {
      const path = join(this.folder, name);
      const written = await stat(path).catch(() => null);
      if (written !== null && Date.now() - written.mtimeMs > leftoverAfterMs) await this.remove(path);
    }
  }
}

async function writeAll(path: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
  const file = await onDisk(open(path, 'wx', 0o600));
  try {
    let size = 0;
    for await (const piece of bytes) {
      await onDisk(file.writeFile(piece));
      size += piece.length;
    }
    await onDisk(file.sync());
    return size;
  } finally {
    await onDisk(file.close());
  }
}
