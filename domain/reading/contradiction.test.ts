import { expect, test } from '@jest/globals';
import { askedIn, clock } from '../../test/corpus/cases.ts';
import type { Json } from '../json.ts';
import { contradicts } from './contradiction.ts';

const survey = new Set(['equipment', 'risk_seen']);
const against = (question: string, text: string, value: Json): boolean =>
  contradicts(
    text, value, askedIn({ flow: survey.has(question) ? 'site_survey' : 'business_unit_setup', question, language: 'en' }), clock,
  );

test.each<[string, string, Json]>([
  ['expected_users', '40 people, the site is huge', 40],
  ['expected_users', 'a team and then some', 12],
  ['business_unit_type', 'we sell shirts there', 'retail_store'],
  ['equipment', 'cameras, and a dog', ['cameras']],
  ['operating_hours', '5 to 9', { start: '17:00', end: '21:00' }],
  ['equipment', 'cameras or lights', ['lights', 'cameras']],
])('of %s, "%s" leaves %j open', (question, text, value) => {
  expect(against(question, text, value)).toBe(false);
});

test.each<[string, string, Json]>([
  // it says another value
  ['expected_users', '40 people, the site is huge', 50],
  ['operating_hours', '9 to 5', { start: '10:00', end: '18:00' }],
  ['equipment', 'cameras, and a dog', ['cameras', 'fence']],
  ['expected_users', '10 or 20', 15],
  // it turns, asks, skips or denies
  ['expected_users', 'certainly not a team of 40', 40],
  ['expected_users', 'less than a busload', 40],
  ['business_unit_type', 'we sell no shirts there', 'retail_store'],
  ['gps_tracking', 'कर्मचारी नहीं मानेंगे', true],
  ['security_level', 'what would the bank next door take?', 'high'],
  ['contact_email', 'skip', 'ana@example.com'],
  ['contact_email', 'ana@example.com is wrong', 'ana@example.com'],
  ['setup_urgency', 'whenever the landlord agrees or this week', 'this_week'],
])('of %s, "%s" contradicts %j', (question, text, value) => {
  expect(against(question, text, value)).toBe(true);
});
