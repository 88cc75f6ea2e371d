/** What bytes are by their signature, whatever they are called. */
import { fileTypeFromTokenizer } from 'file-type';
import { AbstractTokenizer, EndOfStreamError, type IRandomAccessTokenizer, type IReadChunkOptions } from 'strtok3';
import type { FileFamily } from '../../domain/upload.ts';
import { familyFacts } from './families.ts';
import { windowBytes, type FileWindow } from './file-window.ts';

export interface Signature {
  /** null: it is of no family that is taken. */
  readonly family: FileFamily | null;
  /** In words: what it is. */
  readonly what: string;
}

/** Types by which file-type names them, parameters stripped. */
const families: Readonly<Record<string, FileFamily>> = {
  'image/jpeg': 'jpeg', 'image/png': 'png', 'image/apng': 'png', 'image/webp': 'webp', 'image/heic': 'heic', 'image/heif': 'heic',
  'application/pdf': 'pdf', 'audio/mpeg': 'mpeg', 'audio/wav': 'wav', 'video/webm': 'webm', 'audio/webm': 'webm', 'audio/ogg': 'ogg',
  'application/ogg': 'ogg', 'video/ogg': 'ogg', 'audio/x-m4a': 'm4a', 'audio/mp4': 'm4a', 'video/mp4': 'm4a',
};
const words: Readonly<Record<string, string>> = {
  'application/xml': 'an XML or SVG file', 'image/avif': 'an AVIF picture', 'image/gif': 'a GIF picture',
  'image/heic-sequence': 'a sequence of HEIC pictures', 'image/heif-sequence': 'a sequence of HEIC pictures',
};
const zip = Buffer.from('PK\x03\x04');
const pdf = Buffer.from('%PDF-');

export async function signatureOf(window: FileWindow): Promise<Signature> {
  const head = await window.upTo(0, 8);
  // told here, without walking through an archive: whether it is a document is looked at with bounds
  if (head.subarray(0, zip.length).equals(zip)) return named('docx');
  if (head.subarray(0, pdf.length).equals(pdf)) return named('pdf');
  const found = await fileTypeFromTokenizer(new WindowTokenizer(window)).catch(() => undefined);
  window.rethrow();
  const type = (found?.mime ?? '').split(';', 1)[0] ?? '';
  const family = families[type];
  // a PDF that does not begin as one is a PDF behind something else
  if (family !== undefined && family !== 'pdf') return named(family);
  return { family: null, what: words[type] ?? (found === undefined ? 'nothing that is known here' : `a file of type ${type}`) };
}

function named(family: FileFamily): Signature {
  return { family, what: family === 'docx' ? 'a ZIP archive' : familyFacts[family].name };
}

/** file-type's reader on a window. What it swallows of the store's errors, the window remembers. */
class WindowTokenizer extends AbstractTokenizer implements IRandomAccessTokenizer {
  override readonly fileInfo: { readonly size: number };
  private readonly window: FileWindow;

  constructor(window: FileWindow) {
    super({ maxBufferSize: 2 * windowBytes });
    this.window = window;
    this.fileInfo = { size: window.size };
  }

  supportsRandomAccess(): boolean {
    return true;
  }

  setPosition(position: number): void {
    this.position = position;
  }

  async readBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const { position } = this.normalizeOptions(target, options);
    const read = await this.peekBuffer(target, options);
    this.position = position + read;
    return read;
  }

  async peekBuffer(target: Uint8Array, options?: IReadChunkOptions): Promise<number> {
    const { length, position, mayBeLess } = this.normalizeOptions(target, options);
    const there = Math.min(length, Math.max(0, this.window.size - position));
    if (there < length && !mayBeLess) throw new EndOfStreamError();
    for (let done = 0; done < there;) {
      const piece = await this.window.at(position + done, Math.min(windowBytes, there - done));
      target.set(piece, done);
      done += piece.length;
    }
    return there;
  }
}
