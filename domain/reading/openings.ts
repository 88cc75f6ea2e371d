/** How a text begins or what it says in place of a value, whatever the question. */
import type { Asked } from './asked.ts';
import { judgementOf } from './judgement.ts';
import type { Kind } from './meaning.ts';
import { matchOf, rawOf, type View } from './view.ts';

const noClock = { today: null };

export interface Opening { readonly rest: string; readonly isCertain: boolean }

/**
 * "No, ", "sorry, I meant ", "नहीं नहीं, ": what is left of a text behind a correction in front, the shortest rest first, since a "no" can be
 * the beginning or the answer. [] when it begins otherwise.
 */
export function openingsOf(asked: Asked, text: string): readonly Opening[] {
  const { view } = judgementOf(asked, text, noClock);
  const seen = new Set<Kind>();
  const openings: Opening[] = [];
  let at = 0;
  for (let next = corrective(view, at, seen); next > at; next = corrective(view, at, seen)) {
    at = next;
    const isCertain = seen.has('correction') || seen.has('pause');
    if (at < view.tokens.length && (seen.has('correction') || seen.has('no'))) openings.unshift({ rest: rawOf(view, at, view.tokens.length), isCertain });
  }
  return openings;
}

function corrective(view: View, at: number, seen: Set<Kind>): number {
  const match = matchOf(view, at, 'correction', 'apology') ?? matchOf(view, at, 'no') ?? matchOf(view, at, 'pause', 'opener', 'polite');
  if (match === null) return at;
  seen.add(match.meaning.is === 'apology' ? 'correction' : match.meaning.is);
  return match.to;
}

/** Yes or no, a place in a list, a half of the day: how one answers when values were offered. null when the text has other words as well. */
export function answerKinds(asked: Asked, text: string): { readonly yes: boolean; readonly place: number | null; readonly half: 'am' | 'pm' | null } | null {
  const { view } = judgementOf(asked, text, noClock);
  let [yes, place, half] = [false, null as number | null, null as 'am' | 'pm' | null];
  for (let at = 0; at < view.tokens.length;) {
    const ordinal = matchOf(view, at, 'ordinal');
    const part = matchOf(view, at, 'part', 'am', 'pm');
    const other = matchOf(view, at, 'yes', 'agree') ?? matchOf(view, at, 'filler', 'article', 'polite', 'opener', 'pause', 'in', 'only', 'wish', 'own');
    const match = ordinal ?? part ?? other;
    if (match === null) return null;
    if (ordinal !== null) place = ordinal.meaning.value;
    else if (part !== null) half = part.meaning.is === 'am' || (part.meaning.is === 'part' && ['morning', 'dawn'].includes(part.meaning.value)) ? 'am' : 'pm';
    else if (other?.meaning.is === 'yes' || other?.meaning.is === 'agree') yes = true;
    at = match.to;
  }
  return { yes, place, half };
}
