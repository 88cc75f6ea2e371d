/** An upload is looked into: scanned, made fit to be handed on, and said to be clean or not. Repeated, it comes to the same. */
import { createHash } from 'node:crypto';
import type { FileFamily, UploadVerdict } from '../domain/upload.ts';
import { counting, hashing } from '../stores/files/bytes.ts';
import type { FileStore } from '../stores/files/port.ts';
import type { Database } from '../stores/postgres/database.ts';
import { findUpload, markClean, markRejected, type UploadRow, type UploadTry } from '../stores/postgres/uploads.ts';
import { familyOfType } from './content/families.ts';
import { filesOf, forgetUpload, removeAllButClean } from './files.ts';
import type { OutputName } from './processing/frames.ts';
import type { UploadProcessing } from './processing/port.ts';
import type { Scanner } from './scanning/scanner.ts';

export interface InspectingOptions {
  readonly db: Database;
  readonly files: FileStore;
  readonly scanner: Scanner;
  readonly processing: UploadProcessing;
}

/** unknown: the scanner cannot say anything for now. */
export type Inspected = UploadVerdict | { readonly status: 'unknown'; readonly why: string };

/** What is stored of an upload that is there is missing: nobody can look into it. */
export class StoredFileMissingError extends Error {
  override readonly name = 'StoredFileMissingError';
}

export class Inspecting {
  private readonly options: InspectingOptions;

  constructor(options: InspectingOptions) {
    this.options = options;
  }

  /** Rejects with what the stores say, and with what processing could not do this time. */
  async inspect(upload: UploadTry, signal: AbortSignal): Promise<Inspected> {
    const { db, files, scanner, processing } = this.options;
    const row = await findUpload(db, upload);
    const known = verdictOf(row, upload);
    if (row === null || known?.status === 'gone') return goneVerdict;
    // whoever said so may have died before its files were gone
    if (known !== null) return this.ended(row, row);
    const sent = await files.open(filesOf(row).sent);
    if (sent === null || row.family === null) throw new StoredFileMissingError('The file of an upload that waits is not there.');
    const scan = await scanner.scan(sent, signal);
    if (scan.verdict === 'unknown') return { status: 'unknown', why: scan.why };
    if (scan.verdict === 'infected') return this.reject(row, 'infected');

    const stored = new Map<OutputName, StoredOutput>();
    const processed = await processing.process(sent, { family: row.family, kind: row.kind }, async (output, type, bytes) => {
      stored.set(output, await this.keep(row, output, type, bytes, signal));
    }, signal);
    if (processed.verdict === 'rejected') return this.reject(row, processed.reason);
    const clean = stored.get('clean');
    if (clean === undefined) throw new Error('Processing has said clean, and has given nothing.');
    return this.accept(row, {
      ...clean, width: processed.width ?? null, height: processed.height ?? null, thumbnail: stored.has('thumbnail'), scan: scanner.name,
    });
  }

  private async keep(
    row: UploadRow, output: OutputName, type: string, bytes: AsyncIterable<Uint8Array>, signal: AbortSignal,
  ): Promise<StoredOutput> {
    const family = familyOfType(type);
    if (family === null) throw new Error(`Processing has made a file of type ${type}.`);
    const hash = createHash('sha256');
    const counted = { size: 0 };
    await this.options.files.put(filesOf(row)[output], hashing(counting(bytes, counted), hash), signal);
    return { family, size_bytes: counted.size, sha256: hash.digest('hex') };
  }

  private async accept(row: UploadRow, clean: Parameters<typeof markClean>[2]): Promise<UploadVerdict> {
    return this.ended(row, await markClean(this.options.db, row, clean));
  }

  private async reject(row: UploadRow, reason: string): Promise<UploadVerdict> {
    return this.ended(row, await markRejected(this.options.db, row, reason));
  }

  /** What was sent goes, with all that was in it and nobody asked for: where a photo was taken, what hides behind its end. */
  private async ended(row: UploadRow, known: UploadRow | null): Promise<UploadVerdict> {
    const verdict = verdictOf(known, row) ?? goneVerdict;
    if (verdict.status === 'clean') await removeAllButClean(this.options.files, row);
    else await forgetUpload(this.options, row);
    return verdict;
  }
}

interface StoredOutput { readonly family: FileFamily; readonly size_bytes: number; readonly sha256: string }

const goneVerdict: UploadVerdict = { status: 'gone' };

/** null: it still waits for one. */
function verdictOf(row: UploadRow | null, { object_id: object }: UploadTry): UploadVerdict | null {
  if (row?.object_id !== object || row.status === 'receiving') return goneVerdict;
  return row.status === 'quarantined' ? null : { status: row.status, reason: row.reason };
}
