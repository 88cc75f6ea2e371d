/** What a language is made of: what its words mean, how it writes numbers and dates, and what a clerk says in it. Data and small rules. */
import type { Entry } from '../meaning.ts';

export interface Language {
  /** BCP 47, the language alone. */
  readonly tag: string;
  readonly lexicon: readonly Entry[];
  /** Groups of phrases, parted by commas, that mean the same when they stand for an option of a choice. */
  readonly synonyms: readonly string[];
  readonly writing: Writing;
  /** Other forms of a word that name the same thing: one lamp, several lamps. */
  readonly forms: (word: string) => readonly string[];
  /**
   * How a word sounds, for a language that is typed in a second script: a word that is unknown is the known one of the same sound.
   * Of several spellings one is enough. [] for a word in neither script.
   */
  readonly sounds?: (word: string) => readonly string[];
  /** Spellings that are a word's own in a session of this language, before any other language's. */
  readonly spellings?: ReadonlyMap<string, string>;
  /** A name with what people put around it; the first group is the name. */
  readonly nameFrames: readonly RegExp[];
  /** The thing that a prompt counts, "people" of "How many people"; the first group. */
  readonly counted: RegExp;
  readonly speech: Speech;
}

/** How numbers and dates are written. */
export interface Writing {
  readonly decimal: '.' | ',';
  /** Between groups of digits. */
  readonly group: ',' | '.' | ' ';
  /** 1,00,000 in place of 100,000. */
  readonly lakhs: boolean;
  /** How 03/04/2026 is read; null: it can be either. */
  readonly order: (tag: string) => 'day first' | 'month first' | null;
}

/** What is said back. Texts end without a full stop unless they are sentences. */
export interface Speech {
  readonly yes: string;
  readonly no: string;
  /** January first. */
  readonly months: readonly string[];
  /** Monday first. */
  readonly weekdays: readonly string[];
  readonly date: (weekday: string, day: number, month: string, year: number) => string;
  readonly range: (start: string, end: string) => string;
  readonly list: (items: readonly string[]) => string;
  /** Two or more, of which one is meant. */
  readonly choice: (items: readonly string[]) => string;
  readonly count: (number: string, thing: string) => string;
  readonly sentence: (text: string) => string;
  readonly leftOut: (words: string) => string;
  readonly corrected: (from: string, to: string) => string;
  readonly doYouMean: (choice: string) => string;
  readonly skipped: string;
  readonly cannotSkip: string;
  readonly options: (list: string) => string;
  /** Of several options not one. */
  readonly none: string;
  /** After the last question. */
  readonly preparing: string;
  readonly ready: string;
  /** What became of a file that was sent. */
  readonly files: Readonly<Record<FileWord, string>>;
}

export const fileWords = ['rejected', 'deleted', 'delayed', 'not_checked'] as const;
export type FileWord = (typeof fileWords)[number];
