import type { Language } from '../language.ts';
import { quantities } from './quantities.ts';
import { speech } from './speech.ts';
import { synonyms } from './synonyms.ts';
import { turns } from './turns.ts';
import { words } from './words.ts';

const dayFirst = /^en-(?:gb|in|au|nz|ie|za)(?:-|$)/i;

export const english: Language = {
  tag: 'en',
  lexicon: [...words, ...turns, ...quantities],
  synonyms,
  writing: {
    decimal: '.', group: ',', lakhs: false,
    order: (tag) => (dayFirst.test(tag) ? 'day first' : /^en-us(?:-|$)/i.test(tag) ? 'month first' : null),
  },
  forms: (word) => (/(?:s|x|ch|sh)$/.test(word) ? [`${word}es`, word.replace(/s$/, '')] : [`${word}s`, word.replace(/y$/, 'ies')]),
  nameFrames: [
    /^(?:hi,? |hello,? |well,? |so,? |ok(?:ay)?,? )?(?:its|the|our|my|site|unit|office|branch|place)?\s*name (?:is|will be|would be|should be)\s+(.+)$/isu,
    /^(?:it is|it['’]?s|it will be|we are|we['’]re) (?:called|named|known as)\s+(.+)$/isu,
    /^(?:please )?(?:we (?:will )?(?:call|named?) it|(?:you can )?(?:just )?call it|name it|it goes by)\s+(.+)$/isu,
    /^name\s*[:=]\s*(.+)$/isu,
  ],
  counted: /\bhow many ([\p{L}\p{M}]+)/iu,
  speech,
};
