/**
 * The scripted reading of what a person wrote, without a model or a guess. It accounts for every word: each is part of the value, or a
 * word that is known to change nothing beside it, else nothing is taken. What can be understood in two ways is asked back.
 */
import { validateAnswer } from '../answer.ts';
import { isList, type Json } from '../json.ts';
import type { Asked } from './asked.ts';
import { unframed } from './free-text.ts';
import { judgementOf, type Judgement, type PersonsClock } from './judgement.ts';
import { itemsOf } from './items.ts';
import { type Judged } from './sentence.ts';
import { rawOf, type Correction, type View } from './view.ts';

export type { PersonsClock } from './judgement.ts';

export type Reading =
  | {
      readonly kind: 'value';
      readonly value: Json;
      /** Words that speak of something else. */
      readonly leftOut: readonly string[];
      /** Words read as another one, a letter off. */
      readonly corrected: readonly Correction[];
      /** Values that the text itself takes back. */
      readonly replaced: readonly Json[];
    }
  /** One candidate: to be confirmed; more: one of them is meant. Each is a right answer of the question. */
  | { readonly kind: 'ambiguous'; readonly candidates: readonly Json[] }
  /** A question about the question, or about one of its options. It is no refusal. */
  | { readonly kind: 'help'; readonly about: string | null }
  | { readonly kind: 'skip' }
  | { readonly kind: 'cannot_skip' }
  /** Words that the script could not explain, or that turn the sense of the rest. */
  | { readonly kind: 'not_understood'; readonly unexplained: readonly string[] };

/** The value still has to be judged by `validateAnswer`: 5000 people are understood where at most 1000 are allowed. */
export function readText(asked: Asked, text: string, clock: PersonsClock): Reading {
  const judgement = judgementOf(asked, text, clock);
  if (asked.rule.type === 'text' && !isAnswerless(judgement)) return taken(unframed(text));
  return readingOf(asked, judgement.judged, judgement.view);
}

/** "Next please" skips, "Next Level" is a name. */
const answerless: ReadonlySet<string> = new Set(['skip', 'dontKnow', 'polite', 'opener', 'apology', 'pause', 'hedge']);

/** A text is its own value, but for one that only asks or skips: every word of it does, none could be a name. */
function isAnswerless({ judged, view, grammar }: Judgement): boolean {
  if (view.tokens.length === 0 || view.corrected.length > 0) return false;
  const items = itemsOf(view, grammar);
  if (judged.kind === 'help') return items.every(({ is }) => is !== 'unknown');
  return (judged.kind === 'skip' || judged.kind === 'dontKnow') && items.every(({ is }) => answerless.has(is));
}

function taken(value: Json): Reading {
  return { kind: 'value', value, leftOut: [], corrected: [], replaced: [] };
}

function readingOf({ rule }: Asked, judged: Judged, view: View): Reading {
  switch (judged.kind) {
    case 'value':
      return {
        kind: 'value', value: inOrder(judged.value, rule.options), leftOut: judged.asides.map(({ from, to }) => rawOf(view, from, to)),
        corrected: view.corrected, replaced: judged.replaces,
      };
    case 'ambiguous': {
      const values = rule.type === 'multi_choice' ? [inOrder(judged.values, rule.options)] : judged.values;
      const candidates = values.filter((value) => validateAnswer(rule, value).ok);
      return candidates.length === 0 ? { kind: 'not_understood', unexplained: [] } : { kind: 'ambiguous', candidates };
    }
    case 'help':
      return { kind: 'help', about: optionNamed(view) };
    case 'skip': case 'dontKnow':
      return rule.required ? { kind: 'cannot_skip' } : { kind: 'skip' };
    case 'none':
      return rule.required ? { kind: 'not_understood', unexplained: [] } : { kind: 'skip' };
    case 'nothing':
      return { kind: 'not_understood', unexplained: judged.unexplained.map(({ from, to }) => rawOf(view, from, to)) };
  }
}

/** Several options, as the question lists them. */
function inOrder(value: Json, options: readonly string[]): Json {
  return isList(value) ? options.filter((option) => value.includes(option)) : value;
}

function optionNamed({ matches }: View): string | null {
  const meanings = matches.flat().flatMap((match) => match.meanings);
  const named = new Set(meanings.flatMap((meaning) => (meaning.is === 'option' ? [meaning.value] : [])));
  return named.size === 1 ? [...named][0] ?? null : null;
}
