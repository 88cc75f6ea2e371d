import { isMap, isScalar, isNode, LineCounter, parseDocument, type Document, type Scalar } from 'yaml';

/** One mistake in a flow file. Line and column count from 1; `path` is a JSON pointer into the file. */
export interface FlowProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly path: string;
  readonly reason: string;
}
export type Path = readonly (string | number)[];

/** Characters of a flow file; 200 questions in ten languages need about half of it. */
const maxSourceLength = 1_000_000;

/** A YAML text, its content, and the mistakes found in it so far, each at its place in the text. */
export class FlowSource {
  /** The content as plain JSON values; null when the text cannot be read at all. */
  readonly content: unknown;
  private readonly file: string;
  private readonly source: string;
  private readonly lines = new LineCounter();
  private readonly document: Document;
  private readonly found: FlowProblem[] = [];

  constructor(source: string, file: string) {
    this.file = file;
    this.source = source.length > maxSourceLength ? '' : source;
    this.document = parseDocument(this.source, { lineCounter: this.lines, prettyErrors: false, stringKeys: true });
    if (source.length > maxSourceLength) this.report([], `the file is longer than ${maxSourceLength} characters`);
    for (const { message, pos } of [...this.document.errors, ...this.document.warnings]) {
      this.add(pos[0], [], `YAML: ${message}`);
    }
    // A double key leaves the rest of the file readable, and its other mistakes are wanted too.
    const readable = this.document.errors.every((error) => error.code === 'DUPLICATE_KEY');
    this.content = readable ? this.read() : null;
  }

  get problems(): readonly FlowProblem[] {
    return this.found.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** Notes a mistake at a value, or at the nearest thing around it that is there. */
  report(path: Path, reason: string): void {
    this.add(this.offsetOf(path), path, reason);
  }

  /** Notes a mistake at the name of a field. */
  reportField(path: Path, field: string, reason: string): void {
    const map = this.document.getIn(path, true);
    const pair = isMap(map) ? map.items.find(({ key }) => isScalar(key) && key.value === field) : undefined;
    const at = isNode(pair?.key) ? pair.key.range?.[0] : undefined;
    this.add(at ?? this.offsetOf(path), [...path, field], reason);
  }

  /** Notes a mistake inside a text value; `column` counts from 1 within the text. */
  reportInside(path: Path, column: number, reason: string): void {
    const node = this.document.getIn(path, true);
    this.add(isScalar(node) ? this.offsetInside(node, column) : this.offsetOf(path), path, reason);
  }

  has(path: Path): boolean {
    return this.document.hasIn(path);
  }

  private read(): unknown {
    try {
      return this.document.toJS({ maxAliasCount: 100 });
    } catch (error) {
      this.report([], `YAML: ${error instanceof Error ? error.message : 'cannot be read'}`);
      return null;
    }
  }

  private add(offset: number, path: Path, reason: string): void {
    const { line, col } = this.lines.linePos(Math.min(offset, this.source.length));
    const pointer = path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
    this.found.push({ file: this.file, line: Math.max(1, line), column: Math.max(1, col), path: pointer, reason });
  }

  private offsetOf(path: Path): number {
    for (let length = path.length; length >= 0; length -= 1) {
      const node = this.document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node.range[0];
    }
    return 0;
  }

  /** YAML folds, quotes and indents; only the characters that are no white space keep their order and number. */
  private offsetInside(node: Scalar, column: number): number {
    const [start = 0, end = start] = node.range ?? [];
    const text = String(node.value).slice(0, column - 1);
    let left = text.replace(/\s/g, '').length;
    let at = start;
    if (node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL') at = this.source.indexOf('\n', start) + 1;
    if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') at += 1;
    for (; at < end; at += 1) {
      if (/\s/.test(this.source.charAt(at))) continue;
      if (left === 0) break;
      left -= 1;
      if (node.type === 'QUOTE_SINGLE' && this.source.startsWith("''", at)) at += 1;
    }
    return at;
  }
}
