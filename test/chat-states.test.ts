/** Every state of the chat, as it is looked at by axe and by a window that is narrow: in both colours and both directions. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { directions, heading, isInView, open, press, startBrowser, tabTo } from './support/browser.ts';
import {
  approveAll, asked, choose, chooseFile, openChat, photoPrompt, prompts, sayTimes, sessionOf, status, surveyUntil, type,
} from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { cast, tokenFor } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { photo } from './support/uploading.ts';

const instance = await sharedInstance();
let browser: Browser;
const { walking } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

describe.each(directions)('%s, is clear to axe and never wider than its window:', (_, language) => {
  test('who comes in, or does not', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    const link = async (): Promise<URL> => new URL((await ana.post(`/sessions/${id}/resume-link/`, {})).body.url as string);
    const [expired, used] = [await link(), await link()];
    await walking(async ({ page }, look) => {
      const come = async (behind: string, title: string, flow = ''): Promise<void> => {
        await page.goto('about:blank');
        await open(page, `/o/${flow}${language}${behind}`);
        await heading(page, title).waitFor();
      };
      await come('', 'Open your personal link');
      expect(await page.evaluate<string>('document.documentElement.dir')).toBe(language === '' ? 'ltr' : 'rtl');
      await look('no link');
      expect(await isInView(page.getByRole('banner').getByText('Gangway'))).toBe(true);
      await come(`#t=${await tokenFor(instance, tenant, 'ben', ['approver'])}`, 'You cannot open this page', 'business_unit_setup');
      await look('another role');
      await come(`#t=${await tokenFor(instance, tenant, 'ana', ['user'])}`, 'Not found', 'nothing');
      await look('an unknown flow');
      await come(`#r=${'x'.repeat(43)}`, 'Continue where you left off');
      await look('a resume link');
      await press(page, 'button', 'Continue');
      await heading(page, 'Link unknown').waitFor();
      await look('a link that never was');
      for (const [{ hash }, title] of [[expired, 'Link expired'], [used, 'Set up a business unit'], [used, 'Link used']] as const) {
        await come(hash, 'Continue where you left off');
        await press(page, 'button', 'Continue');
        await heading(page, title).waitFor();
        await look(title);
      }
      await page.route('**/sessions/', (route) => route.abort());
      await openChat(page, instance, tenant, { language });
      await heading(page, 'Gangway cannot be reached').waitFor();
      await look('out of reach');
    });
  });

  test('answering, changing, saving and cancelling', async () => {
    const { tenant } = await cast(instance);
    await walking(async ({ page }, look) => {
      await openChat(page, instance, tenant, { language });
      await look('a choice');
      await choose(page, prompts.setup_urgency, 'Planned for a later date');
      await choose(page, prompts.business_unit_type, 'Office');
      await asked(page, prompts.business_unit_name).waitFor();
      await press(page, 'button', 'Send');
      await page.getByRole('alert').waitFor();
      await look('a mistake');
      await type(page, prompts.business_unit_name, 'Pune Office');
      await type(page, prompts.expected_users, 'lots and lots');
      await page.getByRole('log').getByText(/A good estimate is enough/).waitFor();
      await look('a word on what was typed');
      await page.keyboard.press('ControlOrMeta+a');
      await type(page, prompts.expected_users, 'two dozen people');
      await page.getByRole('group', { name: 'Is that right?' }).waitFor();
      await look('what was read');
      await press(page, 'button', 'Yes');
      await asked(page, prompts.operating_hours).waitFor();
      await look('two times');
      await sayTimes(page, '09:00', '17:30');
      await asked(page, prompts.go_live_on).waitFor();
      await look('a date');
      await page.context().setOffline(true);
      await press(page, 'button', 'Skip');
      await status(page, /^You are offline/);
      await look('offline');
      await page.context().setOffline(false);
      await choose(page, prompts.security_level, 'Standard');
      await asked(page, prompts.gps_tracking).waitFor();
      await look('yes or no');
      await choose(page, prompts.gps_tracking, 'No');
      await asked(page, prompts.contact_email).waitFor();
      await press(page, 'button', 'Skip');
      await status(page, /^Waiting for approval/);
      await look('all answered');
      await press(page, 'button', `Change ${prompts.security_level}`);
      const dialog = page.getByRole('dialog');
      await dialog.locator('input:focus').waitFor();
      await page.keyboard.press('ArrowDown');
      await dialog.getByText('These will be asked again:').waitFor();
      await look('a change, and what it leads to');
      await press(page, 'button', 'Keep');
      await press(page, 'button', 'Save and continue later');
      await dialog.waitFor();
      await look('a link to come back');
      await press(page, 'button', 'Close');
      await press(page, 'button', 'Cancel onboarding');
      await dialog.waitFor();
      await look('cancelling');
      await dialog.getByRole('button', { name: 'Cancel onboarding' }).press('Enter');
      await status(page, /^This onboarding was cancelled/);
      await look('cancelled');
    });
  });

  test('a file: asked for, on its way, broken off, and there', async () => {
    const { ana, tenant } = await cast(instance);
    const { session_id: id } = await ana.start({ flow: 'site_survey' });
    await surveyUntil(ana, id as string, 'equipment');
    await walking(async ({ page }, look) => {
      await openChat(page, instance, tenant, { flow: 'site_survey', language });
      await look('several of a list');
      await surveyUntil(ana, id as string, 'entrance_photo');
      await asked(page, photoPrompt).waitFor();
      await look('asked for');
      // the first part is held on its way, and then lost
      const { promise: lost, resolve: lose } = Promise.withResolvers<void>();
      await page.route('**/uploads/resumable/*/', async (route) => {
        await lost;
        await route.abort();
      }, { times: 1 });
      const file = await photo();
      await chooseFile(page, file);
      await page.getByRole('progressbar', { name: `Uploading ${file.name}` }).waitFor();
      await look('on its way');
      lose();
      await page.getByRole('button', { name: 'Try again' }).waitFor();
      await look('broken off');
      await press(page, 'button', 'Try again');
      await page.getByText(`${file.name} is here. Press Send.`).waitFor();
      await look('there');
    });
  });

  test('what others do to the session: another device, a colleague, an approver; and a link that has run out', async () => {
    const { ana, ben, tenant } = await cast(instance);
    await walking(async ({ page }, look) => {
      await openChat(page, instance, tenant, { language });
      await choose(page, prompts.setup_urgency, 'Immediately');
      await choose(page, prompts.business_unit_type, 'Office');
      await asked(page, prompts.business_unit_name).waitFor();
      await tabTo(page, 'textbox', prompts.business_unit_name);
      await page.keyboard.type('North Depot');
      const { session_id: id } = await sessionOf(ana);
      await ana.gives(id as string, 'business_unit_name', 'South Depot');
      await status(page, 'This was changed on another device.');
      await look('changed elsewhere');
      await press(page, 'button', 'Keep mine');
      await asked(page, prompts.expected_users).waitFor();
      await press(page, 'button', 'Talk to a person');
      await status(page, 'A colleague has taken over.');
      await look('a colleague has it');
      await press(page, 'button', 'Go on without them');
      await asked(page, prompts.expected_users).waitFor();
      await page.route('**/answers/', (route) => route.continue({ headers: { ...route.request().headers(), authorization: 'Bearer old' } }),
        { times: 1 });
      await type(page, prompts.expected_users, '24');
      await page.getByRole('alert').getByText(/^Your link has run out/).waitFor();
      await look('run out');
      await openChat(page, instance, tenant, { language });
      // what could not be sent goes by itself now
      await sayTimes(page, '09:00', '17:30');
      await choose(page, prompts.security_level, 'Basic');
      await asked(page, prompts.contact_email).waitFor();
      await press(page, 'button', 'Skip');
      await status(page, /^Waiting for approval/);
      await page.evaluate('scrollTo(0, 0)');
      await approveAll(ben, id as string);
      await status(page, 'Done. Your setup is in place.');
      await page.getByRole('button', { name: 'Newest message' }).waitFor();
      await look('done, and something new below');
    });
  });
});
