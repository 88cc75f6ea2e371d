/** DOCX: an archive with bounds that really is a Word document, without macros and without archives in it. */
import { Readable } from 'node:stream';
import yauzl, { type Entry, type ZipFile } from 'yauzl';
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import type { FileMark } from '../marks.ts';
import type { StoredBytes } from '../../../stores/files/port.ts';
import { tagsOf } from './xml-tags.ts';

/** A report of 300 pages with pictures has some hundred members; text packs 10 to 40 times smaller. */
const members = {
  count: 2_000, depth: 10, bytes: 100 * 1_024 * 1_024,
  /** Times that a member may grow, when it grows to more than this. */
  ratio: 100, ratioFrom: 1_024 * 1_024,
} as const;
/** XML that is read in all. */
const xmlBytesMax = 32 * 1_024 * 1_024;
const contentTypes = '[Content_Types].xml';
const mainType = 'application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml';
const archiveNames = /\.(?:zip|jar|7z|rar|gz|tgz|tar|bz2|xz|zst|cab|iso|docx|docm|dotx|dotm|xlsx|xlsm|pptx|pptm|odt|ods|odp|apk|epub)$/i;
const archives = ['PK\x03\x04', 'Rar!\x1a\x07', '7z\xbc\xaf\x27\x1c', '\x1f\x8b\x08', 'BZh', '\xfd7zXZ', 'MSCF', '\x28\xb5\x2f\xfd'];
const programs = ['MZ', '\x7fELF'];
/** OLE: what Word embeds of other programs. */
const embedded = '\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1';
const signatureBytes = 8;

export async function readDocx(window: FileWindow, file: StoredBytes): Promise<FileMark[]> {
  try {
    const archive = await yauzl.fromRandomAccessReaderPromise(new StoredReader(file), file.size, { strictFileNames: true });
    return await lookInto(archive, file.size);
  } catch (error) {
    window.rethrow();
    if (error instanceof BrokenFileError || !isOfArchive(error)) throw error;
    throw new BrokenFileError('The archive is broken.', { cause: error });
  }
}

/** yauzl throws plain errors, and zlib those with its codes; whatever the store throws is a class of its own. */
function isOfArchive(error: unknown): boolean {
  if (!(error instanceof Object) || !('message' in error)) return false;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return code.startsWith('Z_') || ('name' in error && error.name === 'Error' && code === '');
}

async function lookInto(archive: ZipFile, size: number): Promise<FileMark[]> {
  const marks = new Set<FileMark>();
  const names = new Set<string>();
  const bounds = { total: 0, packed: 0, xml: 0 };
  let mainPart: string | null = null;
  if (archive.entryCount > members.count) throw new BrokenFileError(`The archive has more than ${members.count} members.`);
  for await (const entry of archive.eachEntry()) {
    const name = entry.fileName.toLowerCase();
    if (names.has(name)) throw new BrokenFileError('The archive has two members of one name.');
    names.add(name);
    checkMember(entry, bounds, size);
    if (name.endsWith('/')) continue;
    if (isXml(name)) {
      for await (const tag of tagsOf(inflated(archive, entry, bounds))) {
        if (name === contentTypes.toLowerCase()) mainPart = mainPartOf(tag.attributes) ?? mainPart;
        if (name.endsWith('.rels')) markRelationship(tag.attributes, marks);
      }
    } else {
      await checkSignature(archive, entry, marks);
    }
  }
  if (mainPart === null || !names.has(mainPart)) throw new BrokenFileError('It is a ZIP archive and no Word document.');
  return [...marks];
}

/** By what the directory says. It can lie: whoever inflates counts for himself. */
function checkMember(entry: Entry, bounds: { total: number; packed: number }, size: number): void {
  const { fileName: name, compressedSize, uncompressedSize } = entry;
  if (entry.isEncrypted()) throw new BrokenFileError('A member of the archive is encrypted.');
  if (name.split('/').length > members.depth) throw new BrokenFileError('The archive has too many folders in folders.');
  if (/vbaproject|vbadata/i.test(name)) throw new BrokenFileError('It holds macros.');
  if (archiveNames.test(name)) throw new BrokenFileError('It holds another archive.');
  bounds.total += uncompressedSize;
  bounds.packed += compressedSize;
  const grows = uncompressedSize > members.ratioFrom && uncompressedSize > compressedSize * members.ratio;
  // members that share their bytes have more of them than the file
  if (bounds.total > members.bytes || bounds.packed > size || grows) throw new BrokenFileError('It unpacks to far more than it is.');
}

function isXml(name: string): boolean {
  return name.endsWith('.xml') || name.endsWith('.rels');
}

async function* inflated(archive: ZipFile, entry: Entry, bounds: { xml: number }): AsyncGenerator<Buffer> {
  const stream = await archive.openReadStreamPromise(entry);
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bounds.xml += piece.length;
    if (bounds.xml > xmlBytesMax) throw new BrokenFileError('It unpacks to far more than it is.');
    yield piece;
  }
}

/** `PartName` of the document itself, as a name in the archive; null: the tag is about another part. */
function mainPartOf({ PartName: part = '', ContentType: type = '' }: Readonly<Record<string, string>>): string | null {
  if (/macroenabled|vbaproject/i.test(type)) throw new BrokenFileError('It holds macros.');
  return type.toLowerCase() === mainType ? part.replace(/^\//, '').toLowerCase() : null;
}

/** A link that people click is none of these; all else is fetched when the document is opened. */
function markRelationship({ Type: type = '', TargetMode: mode = '' }: Readonly<Record<string, string>>, marks: Set<FileMark>): void {
  if (/\/vbaProject$/i.test(type)) throw new BrokenFileError('It holds macros.');
  if (mode.toLowerCase() === 'external' && !type.endsWith('/hyperlink')) marks.add('docx_external_relationship');
}

async function checkSignature(archive: ZipFile, entry: Entry, marks: Set<FileMark>): Promise<void> {
  const stream = await archive.openReadStreamPromise(entry);
  let begin = '';
  for await (const piece of stream as AsyncIterable<Buffer>) {
    begin += piece.toString('latin1', 0, signatureBytes);
    if (begin.length >= signatureBytes) break;
  }
  if (archives.some((signature) => begin.startsWith(signature))) throw new BrokenFileError('It holds another archive.');
  if (programs.some((signature) => begin.startsWith(signature))) throw new BrokenFileError('It holds a program.');
  if (begin.startsWith(embedded)) marks.add('docx_embedded_object');
}

/** yauzl's reader on a stored file. */
class StoredReader extends yauzl.RandomAccessReader {
  private readonly file: StoredBytes;

  constructor(file: StoredBytes) {
    super();
    this.file = file;
  }

  override _readStreamForRange(start: number, end: number): Readable {
    return Readable.from(this.file.read(start, end), { objectMode: false, highWaterMark: 65_536 });
  }
}
