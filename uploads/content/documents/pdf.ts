/**
 * PDF: it begins as one and has an end; names that make a reader do something are marked. It is read as bytes and never rendered.
 *
 * 1. A name may be written with hex escapes (`/J#61vaScript`): names are unescaped before they are compared.
 * 2. Newer writers pack objects into compressed streams. Those are opened too, within bounds; what is beyond the bounds or
 *    encrypted stays unseen, so a file without marks is no promise that it holds none.
 */
import { constants, inflateSync } from 'node:zlib';
import { BrokenFileError, windowBytes, type FileWindow } from '../file-window.ts';
import type { FileMark } from '../marks.ts';

const marked: Readonly<Record<string, FileMark>> = {
  JavaScript: 'pdf_javascript', OpenAction: 'pdf_open_action', AA: 'pdf_open_action', Launch: 'pdf_launch',
  EmbeddedFile: 'pdf_attachment', EmbeddedFiles: 'pdf_attachment', RichMedia: 'pdf_attachment', XFA: 'pdf_form', Encrypt: 'pdf_encrypted',
};
/** These do something where an action follows: a place to open at is none, and two letters stand in any compressed picture. */
const withAction = new Set(['OpenAction', 'AA']);
const action = /^\s*(?:<<|\d{1,10}\s+\d{1,5}\s+R\b)/;
const actionMax = 40;
/** The longest name above with every letter escaped, and a slash. */
const nameMax = 40;
const names = new RegExp(String.raw`/[A-Za-z#][A-Za-z#0-9]{1,${nameMax}}`, 'g');
/** Compressed streams that are opened; bytes of what describes each, of it, and of what it becomes. */
const packed = { streams: 400, dictionary: 1_024, bytes: 32_768, inflated: 131_072 } as const;
const endMark = '%%EOF';

export async function readPdf(window: FileWindow): Promise<FileMark[]> {
  const found = new Set<FileMark>();
  const head = (await window.upTo(0, 1_024)).toString('latin1');
  // one that begins with its first page says its own length, and has an end behind that page already
  const length = /\/Linearized\b[^>]*\/L\s+(\d{1,15})\b/.exec(head)?.[1];
  if (length !== undefined && Number(length) > window.size) throw new BrokenFileError('The document ends in the middle.');
  const streams = { left: packed.streams };
  let ended = false;
  for (let at = 0; at < window.size; at += windowBytes - packed.bytes) {
    const bytes = await window.upTo(at, windowBytes);
    const text = bytes.toString('latin1');
    ended ||= text.includes(endMark);
    markNames(text, found);
    for (const content of unpacked(bytes, text, streams)) markNames(content, found);
    if (bytes.length < windowBytes) break;
  }
  if (!ended) throw new BrokenFileError('The document ends in the middle.');
  return [...found];
}

function markNames(text: string, found: Set<FileMark>): void {
  for (const { 0: name, index } of text.matchAll(names)) {
    const plain = name.slice(1).replace(/#([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    const mark = Object.hasOwn(marked, plain) ? marked[plain] : undefined;
    const end = index + name.length;
    if (mark === undefined || (withAction.has(plain) && !action.test(text.slice(end, end + actionMax)))) continue;
    found.add(mark);
  }
}

/** What is in the packed objects of these bytes. What does not unpack is left alone: it may be encrypted, or no such stream at all. */
function* unpacked(bytes: Buffer, text: string, streams: { left: number }): Generator<string> {
  for (const { index } of text.matchAll(/\/ObjStm\b/g)) {
    if (streams.left === 0) return;
    streams.left -= 1;
    const stream = /\bstream\r?\n/.exec(text.slice(index, index + packed.dictionary));
    if (stream === null) continue;
    const start = index + stream.index + stream[0].length;
    try {
      const data = bytes.subarray(start, start + packed.bytes);
      yield inflateSync(data, { maxOutputLength: packed.inflated, finishFlush: constants.Z_SYNC_FLUSH }).toString('latin1');
    } catch {
      continue;
    }
  }
}
