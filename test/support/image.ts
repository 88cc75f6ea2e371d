/** What deploy/Dockerfile makes, read from its own lines: so that it can be looked at, and started, where there is no Docker. */
import { copyFileSync, globSync, mkdirSync, readFileSync, statSync, symlinkSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { importClosure, importsOf } from '../../service/import-closure.ts';
import { root } from './folders.ts';

export interface Copy { readonly line: string; readonly from: readonly string[]; readonly to: string }

export interface Image {
  readonly base: string;
  readonly workdir: string;
  readonly copies: readonly Copy[];
  readonly runs: readonly string[];
  readonly entrypoint: readonly [string, ...string[]];
}

export function readImage(text: string): Image {
  const lines = text.replaceAll('\\\n', ' ').split('\n');
  const all = (word: string): string[] => lines.filter((line) => line.startsWith(`${word} `)).map(
    (line) => line.slice(word.length + 1).trim(),
  );
  const only = (word: string): string => {
    const [found, ...more] = all(word);
    if (found === undefined || more.length > 0) {
      throw new Error(`One line ${word} is expected, and there are ${more.length + (found === undefined ? 0 : 1)}.`);
    }
    return found;
  };
  const copies = all('COPY').map((line): Copy => {
    const words = line.split(/\s+/);
    if (words.some((word) => word.startsWith('--') || /[*?[]/.test(word))) throw new Error(`This reads plain COPY lines only: ${line}`);
    return { line, from: words.slice(0, -1), to: words.at(-1) ?? '' };
  });
  return {
    base: only('FROM'), workdir: only('WORKDIR'), copies, runs: all('RUN'),
    entrypoint: JSON.parse(only('ENTRYPOINT')) as Image['entrypoint'],
  };
}

/** Whether an ignore file keeps a path from Docker: the last pattern that names it, or a folder above it, decides. */
export function ignoring(text: string): (path: string) => boolean {
  const patterns = text.split('\n').map((line) => line.trim()).filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => ({ isExempt: line.startsWith('!'), pattern: expressionOf(line.replace(/^!/, '').replace(/^\/|\/$/g, '')) }));
  return (path) => {
    const parts = path.split('/');
    const above = parts.map((_, at) => parts.slice(0, at + 1).join('/'));
    return patterns.findLast(({ pattern }) => above.some((folder) => pattern.test(folder)))?.isExempt === false;
  };
}

function expressionOf(glob: string): RegExp {
  const parts = glob.split(/(\*\*\/?|\*|\?)/).map(
    (part) => ({ '**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]' })[part] ?? RegExp.escape(part),
  );
  return new RegExp(`^${parts.join('')}$`);
}

/** The files that COPY lines bring, by their path in the project, with their path below the working folder. */
export function copiedFiles(copies: readonly Copy[], isIgnored: (path: string) => boolean): Map<string, string> {
  const found = new Map<string, string>();
  for (const { from, to } of copies) {
    for (const source of from) {
      const isFolder = statSync(join(root, source)).isDirectory();
      const files = isFolder ? globSync('**/*', { cwd: join(root, source), withFileTypes: true })
        .filter((entry) => entry.isFile()).map((entry) => relative(root, join(entry.parentPath, entry.name))) : [source];
      for (const file of files) if (!isIgnored(file)) found.set(file, isFolder ? join(to, relative(source, file)) : join(to, file));
    }
  }
  return found;
}

/** Where a role begins, what bundles the workflow code and what is in the bundle. */
const entries = [
  'scripts/role.ts', 'service/workflow-bundle.ts', 'scripts/bundle-workflows.ts', 'workflows/main.ts', 'engine/failure-converter.ts',
  'scripts/bundle-web.ts', 'web/main.tsx',
].map((path) => join(root, path));
/** No import names them: npm and Node read them. */
const byName = ['package.json', 'package-lock.json'];

/** What a role needs of the project and does not have. */
export function missing(copied: ReadonlyMap<string, string>): string[] {
  return [...byName, ...importClosure(entries).map((path) => relative(root, path))].filter((path) => copied.get(path) !== path);
}

/** Packages that a role imports. */
export function importedPackages(): string[] {
  const names = importClosure(entries).flatMap((path) => importsOf(readFileSync(path, 'utf8'))).filter(
    (name) => /^@?[a-z]/.test(name) && !name.startsWith('node:'),
  );
  return [...new Set(names.map((name) => name.split('/').slice(0, name.startsWith('@') ? 2 : 1).join('/')))].sort();
}

/** The working folder of the image, with the packages of this machine. */
export function lay(copied: ReadonlyMap<string, string>, folder: string): void {
  for (const [from, to] of copied) {
    mkdirSync(dirname(join(folder, to)), { recursive: true });
    copyFileSync(join(root, from), join(folder, to));
  }
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
}
