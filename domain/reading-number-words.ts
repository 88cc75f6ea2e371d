/** Words for numbers in English, Hindi and German, folded: what each is worth, and which can stand beside another. */
import { folded } from './reading-words.ts';

/** Lines of words for `first`, `first` + 1 … in order; `_` where a line has none. */
function numberWords(first: number, ...lines: readonly string[]): ReadonlyMap<string, number> {
  const pairs = lines.flatMap((line) => line.split(' ').map((word, at): [string, number] => [folded(word), first + at]));
  return new Map(pairs.filter(([word]) => word !== ''));
}

/** Words for 0 to 19. German `null` is a word of programs too, and `ein` an article. */
export const units = numberWords(
  0,
  'zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen',
  'शून्य एक दो तीन चार पाँच छह सात आठ नौ दस ग्यारह बारह तेरह चौदह पंद्रह सोलह सत्रह अठारह उन्नीस',
  '_ _ _ _ _ _ छः _ _ _ _ _ _ _ _ पन्द्रह _ _ अट्ठारह _',
  '_ eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn achtzehn neunzehn',
  '_ _ zwo _ _ fuenf _ _ _ _ _ _ zwoelf _ _ fuenfzehn _ _ _ _',
);

/** A word for 1 to 9 may follow them. */
export const tens: ReadonlyMap<string, number> = new Map(
  'twenty thirty forty fifty sixty seventy eighty ninety'.split(' ').map((word, at): [string, number] => [word, (at + 2) * 10]),
);

export const scales: ReadonlyMap<string, number> = new Map([
  ['dozen', 12], ['hundred', 100], ['thousand', 1000],
  [folded('दर्जन'), 12], [folded('सौ'), 100], [folded('हज़ार'), 1000],
  ['dutzend', 12], ['hundert', 100], ['tausend', 1000],
]);

/** Hindi has a word of its own for every number below a hundred: nothing can be added to one. */
const hindi = numberWords(
  20,
  'बीस इक्कीस बाईस तेईस चौबीस पच्चीस छब्बीस सत्ताईस अट्ठाईस उनतीस तीस इकतीस बत्तीस तैंतीस चौंतीस पैंतीस छत्तीस सैंतीस अड़तीस उनतालीस ' +
    'चालीस इकतालीस बयालीस तैंतालीस चौवालीस पैंतालीस छियालीस सैंतालीस अड़तालीस उनचास पचास इक्यावन बावन तिरपन चौवन पचपन छप्पन सत्तावन अट्ठावन उनसठ ' +
    'साठ इकसठ बासठ तिरसठ चौंसठ पैंसठ छियासठ सड़सठ अड़सठ उनहत्तर सत्तर इकहत्तर बहत्तर तिहत्तर चौहत्तर पचहत्तर छिहत्तर सतहत्तर अठहत्तर उन्यासी ' +
    'अस्सी इक्यासी बयासी तिरासी चौरासी पचासी छियासी सत्तासी अट्ठासी नवासी नब्बे इक्यानवे बानवे तिरानवे चौरानवे पंचानवे छियानवे सत्तानवे अट्ठानवे निन्यानवे',
  '_ _ बाइस तेइस _ _ _ सत्ताइस अट्ठाइस',
  '_ _ _ _ _ _ _ _ अठाईस _ _ इकत्तीस _ _ _ _ _ _ _ _ _ _ _ _ चवालीस',
);

/** Hindi words for 0 to 99. */
export const hindiWords: ReadonlyMap<string, number> = new Map([...[...units].filter(([word]) => /^[\u0900-\u097f]/.test(word)), ...hindi]);

/** As a German word is written inside a longer one; `folded` has taken the dots off already. */
const german = {
  units: 'ein zwei drei vier funf sechs sieben acht neun'.split(' '),
  tens: 'zwanzig dreissig vierzig funfzig sechzig siebzig achtzig neunzig'.split(' '),
};

/** 1 to 99 as the last part of a German word. */
const germanBelowHundred: ReadonlyMap<string, number> = new Map([
  ...[...units].filter(([, value]) => value > 0),
  ...german.tens.flatMap((ten, at): [string, number][] => [
    [ten, (at + 2) * 10], ...german.units.map((unit, below): [string, number] => [`${unit}und${ten}`, (at + 2) * 10 + below + 1]),
  ]),
]);

/** Longer than any German word for a number below a million. */
const longestWord = 70;
const germanParts = /^(?:([a-z]*?)tausend(?:und)?)?(?:([a-z]*?)hundert(?:und)?)?([a-z]*)$/;

/** `fünfundzwanzig`, `zweihundertfünf`, `zwölftausend`: 20 and above as German writes them, in one word. */
function germanNumber(word: string): number | undefined {
  if (word.length > longestWord) return undefined;
  const plain = word.replaceAll('ß', 'ss').replaceAll('fuenf', 'funf').replaceAll('zwoelf', 'zwolf');
  const [, thousands, hundreds, rest = ''] = germanParts.exec(plain) ?? [];
  const last = rest === '' ? 0 : germanBelowHundred.get(rest);
  const hundred = hundreds === undefined ? 0 : counted(hundreds);
  if (last === undefined || hundred === undefined || hundred > 19) return undefined;
  const below = hundred * 100 + last;
  if (thousands === undefined) return below === 0 ? undefined : below;
  const thousand = thousands === '' ? 1 : germanNumber(thousands.replace(/ein$/, 'eins'));
  return thousand === undefined || thousand >= 1000 || below >= 1000 ? undefined : thousand * 1000 + below;
}

/** How many hundreds: 1 to 19. */
function counted(word: string): number | undefined {
  return word === '' || word === 'ein' ? 1 : germanBelowHundred.get(word);
}

/** The worth of a word that is a whole number by itself, 20 and above; undefined for any other word. */
export function wholeNumber(word: string): number | undefined {
  if (units.has(word) || tens.has(word) || scales.has(word)) return undefined;
  return hindi.get(word) ?? germanNumber(word);
}
