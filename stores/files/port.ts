/**
 * Where the bytes of uploads are kept: a folder on disk, or S3. What is stored is sealed in chunks (encryption/sealed-chunks.ts) under
 * its own key as context, so that a range opens without the rest and nothing opens in another place.
 */

/** Plain bytes of one stored file, read where they are wanted. */
export interface StoredBytes {
  /** Bytes, before sealing. */
  readonly size: number;
  /** From `start` up to `end` (exclusive), in pieces of at most one chunk. All of it by default. */
  read(start?: number, end?: number): AsyncIterable<Buffer>;
}

export interface StoredFile {
  readonly key: string;
  /** Epoch milliseconds. */
  readonly storedAt: number;
}

/** Keys are segments of letters, digits, `-`, `_`, `.` and `=`, joined by `/`. */
export interface FileStore {
  /** Stores all of it or nothing, with at most 256 KB in memory; what was there under this key is replaced. Resolves with its plain size. */
  put(key: string, bytes: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<{ readonly size: number }>;
  /** null: there is nothing under this key. */
  open(key: string): Promise<StoredBytes | null>;
  /** What is not there is no error. */
  delete(keys: readonly string[]): Promise<void>;
  /** In the order of keys. */
  list(prefix: string): AsyncIterable<StoredFile>;
  /** Rejects with StoreUnavailableError when nothing can be stored. */
  checkWritable(): Promise<void>;
  close(): void;
}
