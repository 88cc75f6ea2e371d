/** How a text begins or what it says in place of a value, whatever the question. */
import type { Asked } from './asked.ts';
import { judgementOf } from './judgement.ts';
import type { Kind, Meaning } from './meaning.ts';
import { matchOf, rawOf, type View } from './view.ts';

const noClock = { today: null };

export interface Opening { readonly rest: string; readonly isCertain: boolean }

/**
 * "No, ", "sorry, I meant ", "नहीं नहीं, ": what is left of a text behind a correction in front, the shortest rest first, since a
 * "no" can be the beginning or the answer. [] when it begins otherwise.
 */
export function openingsOf(asked: Asked, text: string): readonly Opening[] {
  // as words alone: a view of an address has a mark in its place
  const { view } = judgementOf({ ...asked, rule: { ...asked.rule, type: 'text' } }, text, noClock);
  const seen = new Set<Kind>();
  const openings: Opening[] = [];
  let at = 0;
  for (let next = corrective(view, at, seen); next > at; next = corrective(view, at, seen)) {
    at = next;
    const isCertain = seen.has('correction') || seen.has('pause');
    const end = view.tokens.length;
    if (at < end && (seen.has('correction') || seen.has('no'))) openings.unshift({ rest: rawOf(view, at, end), isCertain });
  }
  return openings;
}

function corrective(view: View, at: number, seen: Set<Kind>): number {
  const match = matchOf(view, at, 'correction', 'apology') ?? matchOf(view, at, 'no') ?? matchOf(view, at, 'pause', 'opener', 'polite');
  if (match === null) return at;
  seen.add(match.meaning.is === 'apology' ? 'correction' : match.meaning.is);
  return match.to;
}

/** Agreeing, a place in a list, a half of the day: how one answers when values were offered. */
export interface Pick { readonly yes: boolean; readonly place: number | null; readonly half: 'am' | 'pm' | null }

/** null when the text has other words as well. */
export function pickIn(asked: Asked, text: string): Pick | null {
  const { view } = judgementOf(asked, text, noClock);
  let pick: Pick = { yes: false, place: null, half: null };
  for (let at = 0; at < view.tokens.length;) {
    const ordinal = matchOf(view, at, 'ordinal');
    const part = matchOf(view, at, 'part', 'am', 'pm');
    const yes = matchOf(view, at, 'yes', 'agree');
    const match = ordinal ?? part ?? yes ?? matchOf(
      view, at, 'filler', 'article', 'polite', 'opener', 'pause', 'in', 'only', 'wish', 'own',
    );
    if (match === null) return null;
    if (ordinal !== null) pick = { ...pick, place: ordinal.meaning.value };
    else if (part !== null) pick = { ...pick, half: halfOf(part.meaning) };
    else if (yes !== null) pick = { ...pick, yes: true };
    at = match.to;
  }
  return pick;
}

function halfOf(meaning: Meaning): 'am' | 'pm' {
  return meaning.is === 'am' || (meaning.is === 'part' && ['morning', 'dawn'].includes(meaning.value)) ? 'am' : 'pm';
}
