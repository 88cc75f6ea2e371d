import { describe, expect, test } from '@jest/globals';
import { askedIn, clock } from '../../test/corpus/cases.ts';
import type { Json } from '../json.ts';
import { readText } from './read-text.ts';
import { ambiguityQuestion, display, reply } from './said.ts';

const flowOf = (question: string): string => (
  ['surveyed_on', 'equipment', 'cameras_count', 'risk_seen'].includes(question) ? 'site_survey' : 'business_unit_setup'
);
const questionIn = (question: string, language: string) => askedIn({ flow: flowOf(question), question, language });
const texts = { help: 'The help.', retry_text: 'Please try again.' };

function answered(question: string, language: string, text: string): string {
  const asked = questionIn(question, language);
  return reply(readText(asked, text, clock), asked, texts);
}

test.each<[string, string, Json, string]>([
  ['expected_users', 'en', 24, '24 people'],
  ['expected_users', 'hi', 24, '24 लोग'],
  ['expected_users', 'hi-IN', 24, '24 लोग'],
  ['expected_users', 'en', 1, '1'],
  ['permissible_distance_m', 'en', 150.5, '150.5 metres'],
  ['permissible_distance_m', 'hi', 150, '150 मीटर'],
  ['cameras_count', 'en', 12, '12 cameras'],
  ['expected_users', 'en', 1_234_567, '1,234,567 people'],
  ['expected_users', 'hi', 1_234_567, '12,34,567 लोग'],
  ['operating_hours', 'en', { start: '09:00', end: '17:30' }, '09:00 to 17:30'],
  ['operating_hours', 'hi', { start: '09:00', end: '17:30' }, '09:00 से 17:30'],
  ['go_live_on', 'en', '2026-11-30', 'Monday 30 November 2026'],
  ['go_live_on', 'hi', '2026-11-30', 'सोमवार 30 नवंबर 2026'],
  ['gps_tracking', 'en', false, 'No'],
  ['gps_tracking', 'hi', true, 'हाँ'],
  ['security_level', 'en', 'high', 'High'],
  ['security_level', 'hi', 'high', 'उच्च'],
  ['equipment', 'en', ['cameras', 'fence', 'alarm'], 'Cameras, Fence and Alarm'],
  ['equipment', 'hi', ['cameras', 'lights'], 'कैमरे और बाहरी बत्तियाँ'],
  ['business_unit_name', 'en', 'Lotus Store', 'Lotus Store'],
])('of %s in %s, %j is said as "%s"', (question, language, value, said) => {
  expect(display(value, questionIn(question, language))).toBe(said);
});

test('personal data is never said back', () => {
  expect(answered('contact_email', 'en', 'Ana <ana.sharma@example.com>')).toBe('•••@•••.');
});

describe('the clerk says', () => {
  test.each<[string, string, string, string]>([
    ['what was understood', 'expected_users', 'about 24', '24 people.'],
    ['a day in full', 'go_live_on', 'tomorrow', 'Saturday 28 November 2026.'],
    ['what was left out', 'operating_hours', '9am to 5pm next Monday', '09:00 to 17:00. I left out “next Monday”.'],
    ['which word was read as another', 'risk_seen', 'medum', 'Medium. I read “medum” as “medium”.'],
    ['which of two is meant', 'operating_hours', '5 to 9', 'Do you mean 05:00 to 09:00 or 17:00 to 21:00?'],
    ['what to confirm', 'expected_users', 'up to 40', 'Do you mean 40 people?'],
    ['help and options', 'security_level', 'what does standard mean?', 'The help. You can choose Basic, Standard or High.'],
    ['that a question can be skipped', 'go_live_on', 'I don\'t know yet', 'Skipped.'],
    ['kindly that one cannot', 'gps_tracking', 'not sure', 'This one is needed to go on. Please try again.'],
    ['the retry text for the rest', 'gps_tracking', 'purple', 'Please try again.'],
  ])('%s', (_what, question, text, said) => {
    expect(answered(question, 'en', text)).toBe(said);
  });

  test.each<[string, string, string]>([
    ['expected_users', 'लगभग 24', '24 लोग।'],
    ['go_live_on', 'दस दिन बाद', 'सोमवार 7 दिसंबर 2026।'],
    ['operating_hours', 'सोमवार से शुक्रवार 9 से 5', '09:00 से 17:00। “सोमवार से शुक्रवार” को मैंने नहीं लिया।'],
    ['surveyed_on', 'कल', 'क्या आपका मतलब गुरुवार 26 नवंबर 2026 या शनिवार 28 नवंबर 2026 है?'],
    ['gps_tracking', 'पता नहीं', 'आगे बढ़ने के लिए इसका जवाब ज़रूरी है। Please try again.'],
  ])('of %s in Hindi to %s: %s', (question, text, said) => {
    expect(answered(question, 'hi', text)).toBe(said);
  });

  test('a day that can be either is asked by both in full', () => {
    const asked = questionIn('go_live_on', 'en');
    const reading = readText(asked, '03/04/2027', clock);
    expect(reading.kind === 'ambiguous' ? ambiguityQuestion(reading.candidates, asked) : reading).toBe(
      'Do you mean Saturday 3 April 2027 or Thursday 4 March 2027?',
    );
  });

  test('a question about one option names it', () => {
    expect(readText(questionIn('security_level', 'hi'), 'basic kya hai', clock)).toEqual({ kind: 'help', about: 'basic' });
    expect(readText(questionIn('security_level', 'en'), 'why do you ask?', clock)).toEqual({ kind: 'help', about: null });
  });

  test('what a text takes back itself is known', () => {
    expect(readText(questionIn('expected_users', 'en'), '40, sorry 50', clock)).toMatchObject({ value: 50, replaced: [40] });
  });

  test('words that turn the sense are named', () => {
    expect(readText(questionIn('expected_users', 'en'), 'not 40', clock)).toEqual({ kind: 'not_understood', unexplained: ['not'] });
    expect(readText(questionIn('expected_users', 'en'), '40 chairs', clock)).toEqual({ kind: 'not_understood', unexplained: ['chairs'] });
  });
});
