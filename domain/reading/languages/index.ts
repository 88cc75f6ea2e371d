/** Every language there is: one line each, and a folder. */
import { english } from './en/index.ts';
import { hindi } from './hi/index.ts';
import type { Language } from './language.ts';

export const languages: readonly [Language, ...Language[]] = [english, hindi];

/** The one choice of language, for reading, replies and notices: the tag's own, without its region, else the first there is. */
export function languageOf(tag: string): Language {
  const [wanted] = tag.toLowerCase().split(/[-_]/, 1);
  return languages.find((language) => language.tag === wanted) ?? languages[0];
}
