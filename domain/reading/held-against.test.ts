import { expect, test } from '@jest/globals';
import { askedIn, clock } from '../../test/corpus/cases.ts';
import type { Json } from '../json.ts';
import { heldAgainst, type Support } from './held-against.ts';

const survey = new Set(['equipment', 'risk_seen']);

test.each<[Support, string, string, Json]>([
  // the text says the value in a clause of its own, and something else that is not explained
  ['supported', 'expected_users', '40 people, the site is huge', 40],
  ['supported', 'security_level', 'high, we keep gold there', 'high'],
  ['supported', 'equipment', 'cameras, rest in peace old dog', ['cameras']],
  // it says nothing of the kind
  ['open', 'business_unit_type', 'we sell shirts there', 'retail_store'],
  ['open', 'expected_users', 'a team and then some', 12],
  ['open', 'expected_users', '40 chairs', 40],
  ['open', 'risk_seen', 'the fence is high', 'high'],
  ['open', 'operating_hours', '5 to 9', { start: '17:00', end: '21:00' }],
  // it says another value
  ['contradicted', 'expected_users', '40 people, the site is huge', 50],
  ['contradicted', 'operating_hours', '9 to 5', { start: '10:00', end: '18:00' }],
  ['contradicted', 'equipment', 'cameras, rest in peace old dog', ['cameras', 'fence']],
  // it turns, asks, skips or denies
  ['contradicted', 'expected_users', 'certainly not a team of 40', 40],
  ['contradicted', 'expected_users', 'less than a busload', 40],
  ['contradicted', 'business_unit_type', 'we sell no shirts there', 'retail_store'],
  ['contradicted', 'gps_tracking', 'कर्मचारी नहीं मानेंगे', true],
  ['contradicted', 'security_level', 'what would the bank next door take?', 'high'],
  ['contradicted', 'contact_email', 'skip', 'ana@example.com'],
  ['contradicted', 'setup_urgency', 'whenever the landlord agrees or this week', 'this_week'],
])('%s: of %s, "%s" for %j', (support, question, text, value) => {
  const asked = askedIn({ flow: survey.has(question) ? 'site_survey' : 'business_unit_setup', question, language: 'en' });
  expect(heldAgainst(value, asked, text, clock)).toBe(support);
});
