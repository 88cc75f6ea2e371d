/**
 * A form with one file (RFC 7578), read as it comes. Fields stand before the file, so that everything is known before its first byte is
 * taken; its bytes end well only when the whole form was well-formed, so that a form which breaks behind the file is no upload.
 */
import type { Hash } from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import busboy from 'busboy';
import { Problem } from './problem.ts';

export interface FormFile {
  readonly name: string;
  /** '' when its part says nothing. */
  readonly type: string;
  /** Bytes, worked out from the length of the body; null: nobody said. It may be a few off where the form ends unusually. */
  readonly length: number | null;
  readonly bytes: AsyncIterable<Uint8Array>;
}

export interface Form { readonly fields: Readonly<Record<string, string>>; readonly file: FormFile }

export interface FormBody {
  readonly contentType: string;
  readonly contentEncoding: string;
  /** As announced, or null. */
  readonly bytes: number | null;
  readonly chunks: () => AsyncIterable<Uint8Array>;
  /** Takes the whole body, until the file's bytes have ended; null: nobody asks for its digest, and hashing is the dearest step. */
  readonly hash: Hash | null;
}

/** Bytes that one form has in memory beside the chunk that came last: the parser's and the file's buffers. */
const bufferBytes = 65_536;
const limits = { fields: 8, fieldNameSize: 100, fieldSize: 1_000, files: 1, parts: 9, headerPairs: 20 } as const;
/** Of a part's header; busboy takes no more either. */
const headerBytes = 16_384;
const headerEnd = Buffer.from('\r\n\r\n');

/** Calls `take` with what stands before the file's bytes. Rejects with its error, or with a Problem for what is no such form. */
export async function readForm<T>(body: FormBody, names: readonly string[], take: (form: Form) => Promise<T>): Promise<T> {
  const reader = new FormReader(body, names);
  // it tells the reader what goes wrong; and is not waited for, since the sender may be silent
  void reader.feed();
  try {
    return await take(await reader.form);
  } finally {
    reader.stop();
  }
}

class FormReader {
  readonly form: Promise<Form>;
  private readonly body: FormBody;
  private readonly names: readonly string[];
  private readonly parser: busboy.Busboy;
  private readonly found = Promise.withResolvers<Form>();
  private readonly ended = Promise.withResolvers<undefined>();
  private readonly fields: Record<string, string> = {};
  private file: Readable | null = null;
  private isStopped = false;
  /** Bytes that the parser has seen. */
  private position = 0;
  private header = Buffer.alloc(0);
  /** The last end of a header that was handed on. The parser tells of its part with the next bytes: it holds line ends back. */
  private last = { position: 0, header: '' };

  constructor(body: FormBody, names: readonly string[]) {
    this.body = body;
    this.names = names;
    this.form = this.found.promise;
    this.form.catch(() => undefined);
    this.ended.promise.catch(() => undefined);
    this.parser = parserOf(body);
    this.parser
      .on('field', (name, value, info) => { this.field(name, value, info.valueTruncated || info.nameTruncated); })
      .on('file', (name, stream, info) => { this.begin(name, stream, info.filename); })
      .on('filesLimit', () => { this.fail('two_files', 'The form has more than one file.', 'Send each file in a request of its own.'); })
      .on('fieldsLimit', () => { this.fail('too_many_fields', 'The form has too many fields.', 'Send what is documented, and no more.'); })
      .on('partsLimit', () => { this.fail('too_many_parts', 'The form has too many parts.', 'Send one file and its fields.'); })
      .on('error', () => { this.broken(); })
      .on('close', () => { this.close(); });
  }

  /** Never rejects: what goes wrong is told where the form is read. */
  async feed(): Promise<void> {
    try {
      for await (const chunk of this.body.chunks()) {
        this.body.hash?.update(chunk);
        for (const slice of this.slices(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length))) {
          if (this.isStopped) return;
          this.position += slice.length;
          if (!this.parser.write(slice)) await this.drained();
        }
        if (this.isStopped) return;
      }
      this.parser.end();
    } catch (error) {
      this.reject(error);
    }
  }

  stop(): void {
    this.isStopped = true;
    this.parser.destroy();
  }

  /** Until a file is found each header of a part ends a slice: so it is known where the file's bytes begin. */
  private* slices(chunk: Buffer): Iterable<Buffer> {
    let rest = chunk;
    while (this.file === null && rest.length > 0) {
      const before = this.header.subarray(-headerEnd.length + 1);
      const at = Buffer.concat([before, rest.subarray(0, headerBytes)]).indexOf(headerEnd);
      const end = at < 0 ? Math.min(rest.length, headerBytes) : at + headerEnd.length - before.length;
      const slice = rest.subarray(0, end);
      this.header = Buffer.concat([this.header, slice]).subarray(-headerBytes);
      rest = rest.subarray(end);
      yield slice;
      if (at < 0) continue;
      this.last = { position: this.position, header: this.header.toString('latin1') };
      this.header = Buffer.alloc(0);
    }
    if (rest.length > 0) yield rest;
  }

  private async drained(): Promise<void> {
    if (this.isStopped) return;
    const left = new AbortController();
    try {
      await Promise.race([
        once(this.parser, 'drain', { signal: left.signal }), once(this.parser, 'close', { signal: left.signal }), this.ended.promise,
      ]);
    } finally {
      left.abort();
    }
  }

  /** busboy takes a part without a name of a file for a field, and hands on one without any name. */
  private field(name: string | undefined = '', value: string, isCut: boolean): void {
    if (name === 'file') return this.noFileName();
    if (this.file !== null) {
      return this.fail('field_after_file', `The field ${shown(name)} stands behind the file.`, 'Put all fields before the file.');
    }
    if (!this.names.includes(name)) {
      return this.fail(
        'unknown_field', `There is no field ${shown(name)} in this form.`, `Leave it out; there are file, ${this.names.join(', ')}.`,
      );
    }
    if (isCut) return this.fail('too_big', `The field ${shown(name)} is too long.`, 'Give a shorter value.');
    if (Object.hasOwn(this.fields, name)) return this.fail('given_twice', `The field ${name} stands there twice.`, 'Send it once.');
    this.fields[name] = value;
  }

  private begin(field: string | undefined = '', stream: Readable, filename: string | undefined): void {
    this.file = stream;
    // its reader is told; without one there is nobody to tell
    stream.on('error', () => undefined);
    if (field !== 'file') {
      return this.fail('unknown_field', `There is no file ${shown(field)} in this form.`, 'Call the part that has the file "file".');
    }
    if (filename === undefined || filename === '') return this.noFileName();
    this.found.resolve({
      fields: this.fields, file: {
        name: unescaped(filename), type: typeIn(this.last.header), length: this.fileLength(), bytes: this.bytes(stream),
      },
    });
  }

  /** The rest of the body without what ends the form. */
  private fileLength(): number | null {
    const { bytes, contentType } = this.body;
    if (bytes === null) return null;
    const [, quoted, plain] = /boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(contentType) ?? [];
    return Math.max(1, bytes - this.last.position - (quoted ?? plain ?? '').length - '\r\n----\r\n'.length);
  }

  private async* bytes(stream: Readable): AsyncIterable<Uint8Array> {
    try {
      for await (const chunk of stream.iterator({ destroyOnReturn: false })) yield chunk as Buffer;
    } catch (error) {
      // the parser's own words say less
      await this.ended.promise;
      throw error;
    }
    await this.ended.promise;
  }

  private close(): void {
    if (this.file === null) this.fail('no_file', 'The form has no file.', 'Add a part called "file" with a filename.');
    this.ended.resolve(undefined);
  }

  private noFileName(): void {
    this.fail('no_file_name', 'The file has no name.', 'Give the part a filename, such as photo.jpg.');
  }

  private broken(): void {
    this.fail('malformed_form', 'The form ends too early or has a mistake in it.', 'Send multipart/form-data as RFC 7578 has it.');
  }

  private fail(code: string, message: string, fix: string): void {
    this.reject(malformed(code, message, fix));
  }

  private reject(error: unknown): void {
    this.found.reject(error);
    this.ended.reject(error);
    this.file?.destroy(error as Error);
    this.isStopped = true;
    this.parser.destroy();
  }
}

/** Throws a Problem for what is no form. */
function parserOf({ contentType, contentEncoding }: FormBody): busboy.Busboy {
  if (contentEncoding !== '' && contentEncoding.toLowerCase() !== 'identity') {
    throw new Problem('unsupported_media_type', 'The encoding of the body is not supported. Send the form as it is.');
  }
  if (!/^multipart\/form-data\s*(;|$)/i.test(contentType)) {
    throw new Problem('unsupported_media_type', 'The body is no form. Send Content-Type: multipart/form-data with a boundary.');
  }
  try {
    return busboy({
      headers: { 'content-type': contentType }, limits, defParamCharset: 'utf8', highWaterMark: bufferBytes, fileHwm: bufferBytes,
    });
  } catch (error) {
    throw malformed(
      'no_boundary', 'Content-Type names no boundary that can be used.', 'Let your client make the form and its header.', error,
    );
  }
}

function malformed(code: string, message: string, fix: string, cause?: unknown): Problem {
  return new Problem('invalid_request', message, { errors: [{ pointer: '', code, message, fix }], cause });
}

/** Browsers write these three so within a name, and no others (WHATWG, multipart/form-data). */
function unescaped(name: string): string {
  return name.replaceAll('%22', '"').replaceAll(/%0D|%0A/g, ' ');
}

/** busboy says text/plain of a part that says nothing. */
function typeIn(header: string): string {
  return /^content-type:[ \t]*([^\r\n]*)/im.exec(header)?.[1]?.trim() ?? '';
}

function shown(name: string): string {
  return name.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, 80);
}
