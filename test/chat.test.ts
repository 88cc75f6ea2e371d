/** A person gets through, in Chromium and by keys alone: the chat of the built service on its real stores. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { press, startBrowser, tabTo } from './support/browser.ts';
import { asked, choose, openChat, started, type } from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { cast, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

const sessionOf = async (ana: Person): Promise<Body> => (await ana.get('/sessions/')).body.results[0];
const answersOf = async (ana: Person, id: string): Promise<Record<string, unknown>> => Object.fromEntries(
  (await ana.get(`/sessions/${id}/answers/`)).body.answers.filter(({ superseded }: Body) => !superseded)
    .map(({ question_id: question, value }: Body) => [question, value]),
);

const prompts = {
  setup_urgency: 'How soon do you need this set up?', business_unit_type: 'What kind of place is it?', business_unit_name: 'What is it called?',
  expected_users: 'How many people will work there?', operating_hours: 'What are its operating hours?',
  security_level: 'Which level of security does it need?', gps_tracking: 'Should attendance be checked by GPS?',
  permissible_distance_m: 'How many metres from the site may people check in?',
  sleeping_guard_check: 'Should we check that guards on duty are awake?',
  contact_email: 'Which email address should we write to about this place?', go_live_on: 'On which day should it go live?',
};

describe.each([1_280, 360])('a person at %s px', (width) => {
  test('comes by a link, whose token leaves the address at once, and finishes by keys; the API has what was typed', async () => {
    const { ana, ben, tenant } = await cast(instance);
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await started(page);
      expect(page.url()).toBe(`${instance.url}/o/business_unit_setup`);
      expect(await page.title()).toBe('Set up a business unit - Gangway');
      await choose(page, prompts.setup_urgency, 'Planned for a later date');
      await choose(page, prompts.business_unit_type, 'Office');
      await type(page, prompts.business_unit_name, 'Pune Office');
      await type(page, prompts.expected_users, '24');
      await asked(page, prompts.operating_hours).waitFor();
      await tabTo(page, 'textbox', 'From');
      await page.keyboard.type('9:00');
      await tabTo(page, 'textbox', 'Until');
      await page.keyboard.type('17:30');
      await press(page, 'button', 'Send');
      await asked(page, prompts.go_live_on).waitFor();
      for (const [name, text] of [['Day', '15'], ['Month', '1'], ['Year', '2027']] as const) {
        await tabTo(page, 'textbox', name);
        await page.keyboard.type(text);
      }
      await press(page, 'button', 'Send');
      await choose(page, prompts.security_level, 'Standard');
      await choose(page, prompts.gps_tracking, 'Yes');
      await type(page, prompts.permissible_distance_m, '100');
      await asked(page, prompts.contact_email).waitFor();
      await press(page, 'button', 'Skip');
      const answers = page.getByRole('region', { name: 'Your answers' });
      await answers.getByText('Pune Office').waitFor();
      await page.getByRole('status').getByText(/^Waiting for approval since /).waitFor();
      expect(await page.getByRole('progressbar', { name: 'Progress' }).getAttribute('aria-valuenow')).toBe('80');
      const { session_id: id } = await sessionOf(ana);
      expect(await answersOf(ana, id)).toEqual({
        setup_urgency: 'planned', business_unit_type: 'office', business_unit_name: 'Pune Office', expected_users: 24,
        operating_hours: { start: '09:00', end: '17:30' }, go_live_on: '2027-01-15', security_level: 'standard', gps_tracking: true,
        permissible_distance_m: 100, contact_email: null,
      });
      const { body: { proposal_hash, recommendations } } = await ben.get(`/sessions/${id}/recommendations/`);
      await ben.post(`/sessions/${id}/decision/`, {
        approved_items: recommendations.map(({ recommendation_id: item }: Body) => item), proposal_hash, dry_run: false,
      });
      await page.getByRole('status').getByText('Done. Your setup is in place.').waitFor();
    }, { width });
    await until('it is completed', async () => (await sessionOf(ana)).state === 'completed');
  });
});
