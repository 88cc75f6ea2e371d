/** What a file of this project loads, and what that loads in turn. Read from the text, so that nothing has to run for it. */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Types are gone when the code runs. */
const ofTypes = /\b(?:import|export)\s+type\s[^;'"]*?\bfrom\s*(['"])[^'"]*\1/g;
const ofCode = /(?<![.\w])(?:from|import)\s*\(?\s*(['"])([^'"\n]+)\1/g;

/** What the text imports, as it names it. Rather one too many (in a comment, in a string) than one too few. */
export function importsOf(text: string): string[] {
  return [...text.replaceAll(ofTypes, '').matchAll(ofCode)].map(([, , name]) => name ?? '');
}

/** What files import, by their path: for who asks about many that share most of it. */
export type KnownImports = Map<string, readonly string[]>;

/**
 * The files named and all of this project that they load, absolute and sorted; packages are left out. What is not there is not
 * followed.
 */
export function importClosure(entries: readonly string[], known: KnownImports = new Map()): string[] {
  const found = new Set<string>();
  const follow = (path: string): void => {
    if (found.has(path) || !existsSync(path)) return;
    found.add(path);
    const imports = known.get(path) ?? importsOf(readFileSync(path, 'utf8'));
    known.set(path, imports);
    for (const name of imports) if (name.startsWith('.')) follow(join(dirname(path), name));
  };
  for (const entry of entries) follow(entry);
  return [...found].sort();
}
