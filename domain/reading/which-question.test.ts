import { describe, expect, test } from '@jest/globals';
import { askedIn, clock } from '../../test/corpus/cases.ts';
import type { Json } from '../json.ts';
import { pickedOf } from './offered.ts';
import { readText } from './read-text.ts';
import { amendment, whichQuestion } from './which-question.ts';

const flow = 'business_unit_setup';
const ask = (question: string, language = 'en') => askedIn({ flow, question, language });

describe('right after an answer', () => {
  test.each<[string, string, string, string, Json]>([
    ['expected_users', 'operating_hours', 'en', 'no, 30', 30],
    ['expected_users', 'operating_hours', 'en', 'no 30', 30],
    ['expected_users', 'operating_hours', 'en', 'sorry, I meant 30', 30],
    ['expected_users', 'operating_hours', 'en', 'No wait, thirty.', 30],
    ['expected_users', 'operating_hours', 'hi', 'nahi, tees', 30],
    ['expected_users', 'operating_hours', 'hi', 'नहीं नहीं, तीस', 30],
    ['expected_users', 'security_level', 'hi', 'माफ़ कीजिए, 30', 30],
    ['business_unit_type', 'business_unit_name', 'en', 'no, warehouse', 'warehouse'],
    ['business_unit_name', 'expected_users', 'en', 'no, Lotus Mart', 'Lotus Mart'],
    ['operating_hours', 'security_level', 'en', 'actually 10 to 6', { start: '10:00', end: '18:00' }],
    ['gps_tracking', 'permissible_distance_m', 'en', 'wait, no', false],
    ['expected_users', 'gps_tracking', 'en', 'no, 30', 30],
  ])('of %s, with %s asked in %s, "%s" amends it', (previous, current, language, text, value) => {
    expect(whichQuestion(ask(previous, language), ask(current, language), text, clock)).toMatchObject({
      of: 'previous', reading: { kind: 'value', value },
    });
  });

  test.each<[string, string, string]>([
    ['expected_users', 'operating_hours', '9 to 5'],
    ['expected_users', 'gps_tracking', 'no'],
    ['expected_users', 'gps_tracking', 'no, thanks'],
    ['expected_users', 'security_level', 'no, high'],
    ['security_level', 'gps_tracking', 'no basic'],
    ['expected_users', 'operating_hours', 'no idea'],
    ['expected_users', 'operating_hours', 'sorry, what?'],
    ['business_unit_name', 'expected_users', 'no, 30'],
    ['business_unit_type', 'business_unit_name', 'No Frills'],
    ['expected_users', 'operating_hours', '30'],
  ])('of %s, with %s asked, "%s" speaks of what is asked', (previous, current, text) => {
    expect(whichQuestion(ask(previous), ask(current), text, clock).of).toBe('current');
  });

  test('without an answer to change, every text speaks of what is asked', () => {
    expect(whichQuestion(null, ask('expected_users'), 'no, 30', clock)).toMatchObject({
      of: 'current', reading: { kind: 'value', value: 30 },
    });
  });
});

describe('behind the last question', () => {
  test.each<[string, string, Json]>([
    ['contact_email', 'sorry, I meant ravi@example.com', 'ravi@example.com'],
    ['contact_email', 'no, ravi@example.com', 'ravi@example.com'],
    ['expected_users', 'no, 30', 30],
    ['business_unit_name', 'no, Lotus Mart', 'Lotus Mart'],
    ['security_level', 'no, high', 'high'],
  ])('of %s, "%s" amends it', (previous, text, value) => {
    expect(amendment(ask(previous), ask(previous), text, clock)).toMatchObject({ kind: 'value', value });
  });

  test.each<[string, string]>([
    ['contact_email', 'ravi@example.com'], ['contact_email', 'thank you'], ['expected_users', '30'], ['business_unit_name', 'No Frills'],
    ['security_level', 'no basic'], ['expected_users', 'no'],
  ])('of %s, "%s" says nothing', (previous, text) => {
    expect(amendment(ask(previous), ask(previous), text, clock)).toBeNull();
  });
});

describe('when values were offered', () => {
  const offered = (question: string, text: string, language = 'en') => {
    const reading = readText(ask(question, language), text, clock);
    return reading.kind === 'ambiguous' ? reading.candidates : [];
  };

  test.each<[string, string, string, Json]>([
    ['operating_hours', '5 to 9', 'the second', { start: '17:00', end: '21:00' }],
    ['operating_hours', '5 to 9', 'in the evening', { start: '17:00', end: '21:00' }],
    ['operating_hours', '5 to 9', 'morning please', { start: '05:00', end: '09:00' }],
    ['operating_hours', '5 to 9', '17:00 to 21:00', { start: '17:00', end: '21:00' }],
    ['expected_users', 'up to 40', 'yes', 40],
    ['expected_users', 'up to 40', 'yes, 40', 40],
    ['expected_users', '10 or 20', '20', 20],
    ['go_live_on', '03/04/2027', 'April', '2027-04-03'],
    ['security_level', 'basic or high', 'the last one', 'high'],
  ])('of %s to "%s", "%s" picks one', (question, text, answer, value) => {
    expect(pickedOf(offered(question, text), ask(question), answer, clock)).toEqual(value);
  });

  test.each<[string, string, string]>([
    ['operating_hours', '5 to 9', 'yes'],
    ['expected_users', 'up to 40', 'no'],
    ['expected_users', '10 or 20', '30'],
    ['expected_users', '10 or 20', 'not 10'],
    ['security_level', 'basic or high', 'neither'],
    ['go_live_on', '03/04/2027', '2027'],
  ])('of %s to "%s", "%s" picks none', (question, text, answer) => {
    expect(pickedOf(offered(question, text), ask(question), answer, clock)).toBeNull();
  });
});
