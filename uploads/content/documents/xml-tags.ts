/** The tags of an XML part, one after the other, however it is encoded. Declarations that define entities are refused. */
import { BrokenFileError } from '../file-window.ts';

export interface Tag {
  /** Without its prefix. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** One with more has no place in a document. */
const tagMax = 65_536;

/**
 * UTF-8 and UTF-16 are all that the format allows. Read as single bytes without zeros, both show their tags; nothing else is wanted
 * from them.
 */
export async function* tagsOf(bytes: AsyncIterable<Buffer>): AsyncGenerator<Tag> {
  let rest = '';
  for await (const piece of bytes) {
    const parts = (rest + piece.toString('latin1').replaceAll('\0', '')).split('>');
    rest = parts.pop() ?? '';
    for (const part of parts) yield* tagIn(part);
    const open = rest.indexOf('<');
    rest = open < 0 ? '' : rest.slice(open);
    if (rest.length > tagMax) throw new BrokenFileError('A part of it is no XML.');
  }
}

function* tagIn(text: string): Generator<Tag> {
  const tag = text.slice(text.lastIndexOf('<') + 1);
  if (/<!(?:DOCTYPE|ENTITY)/i.test(text)) throw new BrokenFileError('A part of it declares a document type or entities.');
  const encoding = /^\?xml\b[^>]*\bencoding\s*=\s*["']([^"']*)/.exec(tag)?.[1];
  if (encoding !== undefined && !/^utf-?(?:8|16)/i.test(encoding)) throw new BrokenFileError('A part of it is in another encoding.');
  const name = /^(?:[\w.-]+:)?([\w.-]+)/.exec(tag)?.[1];
  if (name !== undefined) yield { name, attributes: attributesOf(tag) };
}

function attributesOf(tag: string): Record<string, string> {
  const attributes: Record<string, string> = {};
  // a name is tried from its beginning only: from every dot of it, a long one would take a time that grows with its square
  for (const [, name = '', double, single] of tag.matchAll(/(?<![\w.-])([\w.-]+)\s*=\s*(?:"([^"]*)"|'([^']*)')/g)) {
    attributes[name] = (double ?? single ?? '').replace(/&#(x?)([0-9A-Fa-f]{1,6});/g, (_, hex: string, digits: string) => (
      String.fromCharCode(Number.parseInt(digits, hex === '' ? 10 : 16) & 0xffff)
    ));
  }
  return attributes;
}
