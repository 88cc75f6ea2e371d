import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { askedIn, clock, flows, ownCases, sharedCases, takenValue } from '../../test/corpus/cases.ts';
import { canonicalJson, type Json } from '../json.ts';
import { askedQuestion, type Asked } from './asked.ts';
import { dateOf } from './calendar.ts';
import { languages } from './languages/index.ts';
import { phrasesIn } from './meaning.ts';
import { readText, type Reading } from './read-text.ts';
import { display } from './said.ts';

const cases = [...(await sharedCases()), ...(await ownCases())];

/** Texts that a value, or a skip, is taken from. */
const accepted = cases.flatMap((each) => {
  const asked = askedIn(each);
  const reading = readText(asked, each.text, clock);
  const value = takenValue(asked, reading);
  return value === undefined ? [] : [{ asked, text: each.text, value }];
});

/** The words that deny, of every language. */
const denials = languages.flatMap(({ lexicon }) => lexicon.flatMap(([phrases, { is }]) => (is === 'negation' ? phrasesIn(phrases) : [])));

const takes = (asked: Asked, reading: Reading, value: Json): boolean => {
  const now = takenValue(asked, reading);
  return now !== undefined && canonicalJson(now) === canonicalJson(value);
};

describe('of every text that is understood', () => {
  test('a denial in front of it never leaves the same value', () => {
    fc.assert(fc.property(fc.constantFrom(...accepted), fc.constantFrom(...denials), ({ asked, text, value }, denial) => {
      const denied = `${denial} ${text}`;
      expect([denied, takes(asked, readText(asked, denied, clock), value)]).toEqual([denied, false]);
    }), { numRuns: 4_000 });
  });

  test('a word more that nobody knows never leaves the same value without being said', () => {
    const strange = fc.oneof(
      fc.constantFrom(
        'zebra', 'harbour', 'quixotic', 'spanner', 'लालटेन', 'ख़रगोश', 'khargosh', 'Regenbogen', 'насос', 'दरवाज़ा', 'window', 'tanker',
      ),
      fc.string({ unit: fc.constantFrom(...Array.from('abcdefghijklmnopqrstuvwxyz')), minLength: 6, maxLength: 10 }),
    );
    fc.assert(fc.property(fc.constantFrom(...accepted), strange, fc.nat(), ({ asked, text, value }, word, place) => {
      const words = text.split(' ');
      const at = place % (words.length + 1);
      const longer = [...words.slice(0, at), word, ...words.slice(at)].join(' ');
      const reading = readText(asked, longer, clock);
      if (!takes(asked, reading, value)) return;
      const told = reading.kind === 'value'
        ? [...reading.leftOut, ...reading.corrected.map(({ from }) => from), typeof reading.value === 'string' && asked.rule.type === 'text'
          ? reading.value : ''].join(' ') : '';
      expect([longer, told.toLowerCase().includes(word.toLowerCase())]).toEqual([longer, true]);
    }), { numRuns: 4_000 });
  });
});

describe('what is said back reads as the value again', () => {
  const asking = flows.flatMap((flow) => flow.rules.questions.flatMap(({ id }) => languages.flatMap(({ tag }) => {
    const asked = askedQuestion(flow, id, tag);
    return asked === null || asked.rule.pii ? [] : [asked];
  })));
  const number = fc.oneof(fc.integer({ min: 0, max: 10_000_000 }), fc.integer({ min: 0, max: 10_000_000 }).map((whole) => whole / 1_000));
  const time = fc.tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 })).map(
    (parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'),
  );
  const date = fc.tuple(fc.integer({ min: 1900, max: 2199 }), fc.integer({ min: 1, max: 12 }), fc.integer({ min: 1, max: 28 })).map(
    ([year, month, day]) => dateOf(year, month, day),
  );

  function valuesOf({ rule }: Asked): fc.Arbitrary<Json> {
    switch (rule.type) {
      case 'number': return rule.integer === true ? number.map(Math.round) : number;
      case 'boolean': return fc.boolean();
      case 'single_choice': return fc.constantFrom(...rule.options);
      case 'multi_choice': return fc.subarray([...rule.options], { minLength: 1 });
      case 'date': return date;
      case 'time_range': return fc.tuple(time, time).filter(([start, end]) => start !== end).map(([start, end]) => ({ start, end }));
      case 'email': return fc.constantFrom('ana@example.com', 'Ana.B+c@example.co.in');
      case 'file': return fc.uuid();
      case 'text': return fc.constantFrom('Lotus Store', 'पुणे दफ़्तर', 'No. 7', '24/7 Mart');
    }
  }

  test.each(asking.map((asked) => [asked.rule.id, asked.language, asked] as const))('%s in %s', (_id, _language, asked) => {
    fc.assert(fc.property(valuesOf(asked), (value) => {
      const said = display(value, asked);
      const reading = readText(asked, said, clock);
      expect([said, reading.kind === 'value' ? reading.value : reading]).toEqual([said, value]);
    }), { numRuns: 300 });
  });
});
