import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { effortOfReadingAMegabyte, isWithin } from '../../test/support/effort.ts';
import { questionTypes } from '../flow.ts';
import type { QuestionRule, QuestionType } from '../flow.ts';
import type { Json } from '../json.ts';
import { hindi } from './languages/hi/index.ts';
import { phrasesIn } from './meaning.ts';
import { readScripted as readText } from './scripted.ts';

const options = ['immediate', 'this_week', 'planned'];
const labels = {
  en: { immediate: 'Immediately', this_week: 'This week', planned: 'Planned for a later date' },
  hi: { immediate: 'तुरंत', this_week: 'इसी हफ़्ते', planned: '' },
};

function rule(type: QuestionType, required = true): QuestionRule {
  const isChoice = type === 'single_choice' || type === 'multi_choice';
  return {
    id: 'q',
    type,
    required,
    pii: false,
    when: null,
    options: isChoice ? options : [],
    min: null,
    max: null,
    pattern: null,
    integer: false,
  };
}

/** What is read; undefined when the text is not understood. */
function read(type: QuestionType, text: string, required = true): Json | undefined {
  return readText(rule(type, required), labels, text, 'en')?.value;
}

describe('numbers', () => {
  test.each<[string, number]>([
    ['12', 12],
    ['about 120 people', 120],
    ['about 50.', 50],
    ['1,200', 1200],
    ['1,00,000', 100_000],
    ['1.5', 1.5],
    ['-5', -5],
    ['minus five', -5],
    ['one', 1],
    ['twenty-five', 25],
    ['a hundred', 100],
    ['fifty', 50],
    ['one hundred and twenty five', 125],
    ['two thousand and twenty six', 2026],
    ['2 thousand', 2000],
    ['10, 10', 10],
    ['2 million', 2_000_000],
    ['दो सौ', 200],
    ['पाँच', 5],
    ['पांच', 5],
    ['बीस', 20],
    ['५०', 50],
    ['१५ लोग', 15],
    ['twelve or so', 12],
    ['a dozen', 12],
    ['about two dozen', 24],
    ['half a dozen', 6],
    ['a dozen or so', 12],
    ['12ish', 12],
    ['twelve-ish', 12],
    ['एक दर्जन', 12],
    ['दर्जन भर', 12],
    ['आधा दर्जन', 6],
    ['पच्चीस', 25],
    ['लगभग पचास लोग', 50],
    ['दो सौ पचहत्तर', 275],
    ['बारह हज़ार निन्यानवे', 12_099],
    ['12k', 12_000],
    ['1.1k', 1100],
    ['100m', 100],
    ['100 metres', 100],
    ['50people', 50],
  ])('%s is %d', (text, value) => {
    expect(read('number', text)).toBe(value);
  });

  test.each([
    '10-20',
    '10 or 20',
    'between 10 and 20',
    'five to ten',
    'one two',
    '5%',
    '5 percent',
    '2km',
    '2 km',
    '100M',
    'a few hundred',
    'two and a half',
    'a dozen and a half',
    'a dozen or two',
    "a baker's dozen",
    'dozens',
    'बीस पाँच',
    'दस या बारह',
    'null',
    'ok k',
    '3rd',
    'not 5',
    'many',
    '12/5',
    '9'.repeat(400),
  ])('%s is no certain number', (text) => {
    expect(read('number', text)).toBeUndefined();
  });

  test('in a count, 2m may be millions and is no certain number', () => {
    const count = { ...rule('number'), integer: true };
    expect(readText(count, labels, '2m', 'en')).toBeNull();
    expect(readText(count, labels, '2 m', 'en')).toBeNull();
    expect(readText(count, labels, '2k', 'en')).toEqual({ value: 2000 });
    expect(readText(count, labels, '2 million', 'en')).toEqual({ value: 2_000_000 });
    expect(readText(count, labels, '2 men', 'en')).toEqual({ value: 2 });
  });

  test('every number from 0 to 999,999 is read from its digits, also from Devanagari ones', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 999_999 }), (number) => {
        const devanagari = String(number).replace(/\d/g, (digit) => String.fromCharCode(0x966 + Number(digit)));
        expect(read('number', `around ${number}`)).toBe(number);
        expect(read('number', devanagari)).toBe(number);
      }),
    );
  });
});

describe('Hindi words', () => {
  test('Hindi has a word for each number below a hundred, and no two of them are the same', () => {
    const hindiWords = hindi.lexicon.flatMap(
      ([list, meaning]): [string, number][] => (meaning.is === 'whole' ? phrasesIn(list).map((word) => [word, meaning.value]) : []),
    );
    const words = Array.from({ length: 100 }, (_, number) => number).map(
      (number) => hindiWords.filter(([, value]) => value === number).map(([word]) => word),
    );
    expect(words.filter((each) => each.length === 0)).toEqual([]);
    for (const [word, value] of hindiWords) expect([word, read('number', word)]).toEqual([word, value]);
  });
});

describe('yes and no', () => {
  test.each<[string, boolean]>([
    ['yes', true],
    ['Yes, please!', true],
    ['ok', true],
    ['of course', true],
    ['I think yes', true],
    ['हाँ', true],
    ['जी हां', true],
    ['no', false],
    ['No.', false],
    ['nope', false],
    ['नहीं', false],
    ['no thank you', false],
    ['haan ji', true],
    ['nahi', false],
    ['नही', false],
  ])('%s is %p', (text, value) => {
    expect(read('boolean', text)).toBe(value);
  });

  test.each(['yes and no', 'not sure', 'no problem', 'yes, but only at night', 'maybe', 'that is ok for some', '1'])(
    '%s decides nothing',
    (text) => {
      expect(read('boolean', text)).toBeUndefined();
    },
  );
});

describe('choices', () => {
  test.each([
    ['this_week', 'this_week'],
    ['THIS-WEEK', 'this_week'],
    ['This week', 'this_week'],
    ['this week please', 'this_week'],
    ['Ímmediately', 'immediate'],
    ['इसी हफ़्ते', 'this_week'],
    ['इसी हफ्ते', 'this_week'],
    ['तुरंत', 'immediate'],
    ['planned for a later date, thanks', 'planned'],
  ])('%s is the option %s, by value or by the label of any language', (text, value) => {
    expect(read('single_choice', text)).toBe(value);
  });

  test.each(['this week or immediately', 'not this week', 'week', 'constructor', 'immediate this_week'])(
    '%s is no certain option',
    (text) => {
      expect(read('single_choice', text)).toBeUndefined();
    },
  );

  test('a label that means different options in two languages counts in the language of the session', () => {
    const twisted = { en: { immediate: 'Now', planned: 'Gift' }, de: { immediate: 'Gift', planned: 'Plan' } };
    expect(readText(rule('single_choice'), twisted, 'gift', 'en')).toEqual({ value: 'planned' });
    expect(readText(rule('single_choice'), twisted, 'gift', 'de')).toEqual({ value: 'immediate' });
  });

  test.each<[string, Json | undefined]>([
    ['planned, this week', ['this_week', 'planned']],
    ['immediate and planned', ['immediate', 'planned']],
    ['तुरंत और इसी हफ़्ते', ['immediate', 'this_week']],
    ['all', options],
    ['this week', ['this_week']],
    ['immediate and something', undefined],
    ['', undefined],
  ])('of several options %j is %j', (text, value) => {
    expect(read('multi_choice', text)).toEqual(value);
  });
});

describe('times', () => {
  test.each([
    ['9 to 5', '09:00', '17:00'],
    ['09:00-17:30', '09:00', '17:30'],
    ['9am to 5pm', '09:00', '17:00'],
    ['nine to five', '09:00', '17:00'],
    ['between 9 and 5', '09:00', '17:00'],
    ['from 9 till 5:30', '09:00', '17:30'],
    ['12 to 8', '12:00', '20:00'],
    ['10pm-6am', '22:00', '06:00'],
    ['22:00 to 06:00', '22:00', '06:00'],
    ['8:30 a.m. – 6 p.m.', '08:30', '18:00'],
    ['1 to 5pm', '13:00', '17:00'],
    ['9 to 5am', '21:00', '05:00'],
    ['9.30 to 18.00', '09:30', '18:00'],
    ['noon to midnight', '12:00', '00:00'],
    ['सुबह 9 बजे से शाम 6 बजे तक', '09:00', '18:00'],
    ['९ से ५', '09:00', '17:00'],
    ['रात 10 बजे से सुबह 6 बजे', '22:00', '06:00'],
    ['24/7', '00:00', '23:59'],
    ['we are open 24x7', '00:00', '23:59'],
    ['the whole day', '00:00', '23:59'],
    ['चौबीसों घंटे', '00:00', '23:59'],
  ])('%s is %s to %s', (text, start, end) => {
    expect(read('time_range', text)).toEqual({ start, end });
  });

  test.each([
    '2 to 10',
    '9 to 9',
    '10 to 06:00',
    '9am to 9am',
    '25 to 3',
    '24/7 but not on Sundays',
    '24/7, 3 days',
    '24 hours notice',
    '9 to 5 on 3 days',
    '9 to 5 or 10 to 6',
    '9',
    '2026-03-29',
    '13pm to 2pm',
  ])('%s is no certain range', (text) => {
    expect(read('time_range', text)).toBeUndefined();
  });
});

describe('dates and addresses', () => {
  test.each([
    ['2026-03-29', '2026-03-29'],
    ['on 2026-03-29, please', '2026-03-29'],
    ['29.03.2026', '2026-03-29'],
    ['03.04.2026', '2026-04-03'],
    ['29/03/2026', '2026-03-29'],
    ['03/29/2026', '2026-03-29'],
    ['04/04/2026', '2026-04-04'],
    ['29 March 2026', '2026-03-29'],
    ['March 29th, 2026', '2026-03-29'],
    ['29 मार्च 2026', '2026-03-29'],
  ])('%s is %s, whatever the time zone of the machine', (text, date) => {
    expect(read('date', text)).toBe(date);
  });

  test.each([
    '03/04/2026',
    '2026-02-30',
    '2026-12-31T23:30:00-08:00',
    'tomorrow',
    '2026-03-29 or 2026-03-30',
    '29 March',
  ])('%s is no certain date', (text) => {
    expect(read('date', text)).toBeUndefined();
  });

  test.each<[string, string, string | undefined]>([
    ['hi', '03/04/2026', '2026-04-03'],
    ['en-GB', '03/04/2026', '2026-04-03'],
    ['en-US', '03/04/2026', '2026-03-04'],
    ['en-US', '29/03/2026', '2026-03-29'],
    ['en-US', '03.04.2026', '2026-04-03'],
    ['en', '03-04-2026', undefined],
    ['hi', '29.03.2026', '2026-03-29'],
  ])('in %s, %s is %p', (language, text, date) => {
    expect(readText(rule('date'), labels, text, language)?.value).toBe(date);
  });

  // 2026-03-25 is a Wednesday
  test.each([
    ['today', '2026-03-25'],
    ['आज', '2026-03-25'],
    ['tomorrow, please', '2026-03-26'],
    ['the day after tomorrow', '2026-03-27'],
    ['yesterday', '2026-03-24'],
    ['next Monday', '2026-03-30'],
    ['अगले सोमवार', '2026-03-30'],
    ['next wednesday', '2026-04-01'],
    ['on Friday', '2026-03-27'],
    ['this friday', '2026-03-27'],
    ['Monday', '2026-03-30'],
    ['in ten days', '2026-04-04'],
    ['in 2 weeks', '2026-04-08'],
    ['a week from today', '2026-04-01'],
    ['29 March 2026', '2026-03-29'],
  ])('said on a Wednesday, %s is %s', (text, date) => {
    expect(readText(rule('date'), labels, text, 'en', { today: '2026-03-25' })?.value).toBe(date);
    expect(readText(rule('date'), labels, text, 'en')?.value).toBe(text === '29 March 2026' ? date : undefined);
  });

  test.each([
    'next Friday',
    'Wednesday',
    'this monday',
    'last monday',
    'every Monday',
    'monday in two weeks',
    'a week after tomorrow',
    'two days after tomorrow',
    'next week',
    'tomorrow or Friday',
    'not tomorrow',
    'in 99999 days',
    'in a while',
    'कल',
    'today 5',
  ])('%s names no certain day', (text) => {
    expect(readText(rule('date'), labels, text, 'en', { today: '2026-03-25' })).toBeNull();
  });

  test('days are counted over ends of months and years and over 29 February', () => {
    expect(readText(rule('date'), labels, 'tomorrow', 'en', { today: '2027-12-31' })?.value).toBe('2028-01-01');
    expect(readText(rule('date'), labels, 'tomorrow', 'en', { today: '2028-02-28' })?.value).toBe('2028-02-29');
    expect(readText(rule('date'), labels, 'tomorrow', 'en', { today: '9999-12-31' })).toBeNull();
  });

  test('one address anywhere in the text is the email; two are none', () => {
    expect(read('email', 'Write to <ana@example.com>, thanks.')).toBe('ana@example.com');
    expect(read('email', 'ana@example.com.')).toBe('ana@example.com');
    expect(read('email', 'ana@example.com or bob@example.com')).toBeUndefined();
    expect(read('email', 'a@b')).toBeUndefined();
  });
});

describe('texts and skipping', () => {
  test('a text is the answer as it was written', () => {
    expect(read('text', '  Pune Office no. 5 ')).toBe('  Pune Office no. 5 ');
    expect(read('text', 'no', false)).toBe('no');
  });

  test('an optional question is skipped in words, a required one never', () => {
    for (const type of questionTypes) {
      expect(read(type, 'Skip it.', false)).toBeNull();
      expect(read(type, 'skip')).toBeUndefined();
    }
    expect(read('email', 'no', false)).toBeNull();
    expect(read('number', 'छोड़ दो', false)).toBeNull();
    expect(read('number', 'दो', false)).toBe(2);
    expect(read('boolean', 'no', false)).toBe(false);
  });

  test('any text is read without an error, the same twice, and at no more cost than some passes over a megabyte', () => {
    const megabyte = effortOfReadingAMegabyte();
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: fc.constantFrom(...Array.from('0123456789 .,:-/@apmto')), maxLength: 60 }),
      fc.constantFrom(
        ' '.repeat(2000),
        '1 '.repeat(1000),
        `${'.'.repeat(1999)}x`,
        '1,'.repeat(999),
        '9 to '.repeat(400),
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...questionTypes), fc.boolean(), text, (type, required, said) => {
        const read = () => readText(rule(type, required), labels, said, 'en', { today: '2026-03-25' });
        let first: ReturnType<typeof read> | undefined;
        expect(isWithin(50 * megabyte, () => { first = read(); })).toBe(true);
        expect(read()).toEqual(first);
      }),
      { numRuns: 3000 },
    );
  });
});
