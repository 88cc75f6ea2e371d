/** The answer to "Do you mean 05:00 to 09:00 or 17:00 to 21:00?": yes, the second, the evening one, or the value itself. */
import type { Json } from '../json.ts';
import { canonicalJson } from '../json.ts';
import type { Asked } from './asked.ts';
import { pickIn } from './openings.ts';
import { readText, type PersonsClock } from './read-text.ts';
import { display } from './said.ts';
import { folded } from './tokens.ts';

/** The candidate that the text picks; null: none of them, or the text says something else. */
export function pickedOf(candidates: readonly Json[], asked: Asked, text: string, clock: PersonsClock): Json | null {
  const reading = readText(asked, text, clock);
  if (reading.kind === 'value') return candidates.find((candidate) => canonicalJson(candidate) === canonicalJson(reading.value)) ?? null;
  const said = pickIn(asked, text);
  if (said !== null) {
    if (candidates.length === 1) return said.yes ? candidates[0] ?? null : null;
    if (said.place !== null) return candidates.at(said.place < 0 ? -1 : said.place - 1) ?? null;
    if (said.half !== null) return only(candidates.filter((candidate) => beginsIn(candidate, said.half)));
  }
  const words = folded(text).split(' ');
  return only(candidates.filter((candidate) => words.every((word) => folded(display(candidate, asked)).split(' ').includes(word))));
}

function beginsIn(candidate: Json, half: 'am' | 'pm' | null): boolean {
  const start = typeof candidate === 'object' && candidate !== null && 'start' in candidate ? candidate['start'] : null;
  return typeof start === 'string' && (start < '12:00') === (half === 'am');
}

function only(found: readonly Json[]): Json | null {
  return found.length === 1 ? found[0] ?? null : null;
}
