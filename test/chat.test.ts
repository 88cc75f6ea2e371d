/** A person gets through, in Chromium and by keys alone: the chat of the built service on its real stores. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { heading, isInView, open, press, startBrowser, tabTo } from './support/browser.ts';
import {
  answersOf, approveAll, asked, choose, openChat, prompts, sayTimes, sessionOf, started, status, throughSecurity, type,
} from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { cast, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

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
      await sayTimes(page, '9:00', '17:30');
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
      const title = answers.getByRole('heading', { name: 'Your answers' });
      await until('they are in view', () => title.evaluate((element) => element.getBoundingClientRect().top >= 0));
      await status(page, /^Waiting for approval since /);
      expect(await page.getByRole('progressbar', { name: 'Progress' }).getAttribute('aria-valuenow')).toBe('80');
      const { session_id: id } = await sessionOf(ana);
      expect(await answersOf(ana, id)).toEqual({
        setup_urgency: 'planned', business_unit_type: 'office', business_unit_name: 'Pune Office', expected_users: 24,
        operating_hours: { start: '09:00', end: '17:30' }, go_live_on: '2027-01-15', security_level: 'standard', gps_tracking: true,
        permissible_distance_m: 100, contact_email: null,
      });
      await approveAll(ben, id);
      await status(page, 'Done. Your setup is in place.');
    }, { width });
    await until('it is completed', async () => (await sessionOf(ana)).state === 'completed');
  });

  test('changes an early answer: the dialog lists exactly what the API then asks again, and keeps all if they think better of it', async () => {
    const { ana, tenant } = await cast(instance);
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await throughSecurity(page, 'Standard');
      await press(page, 'button', `Change ${prompts.security_level}`);
      const dialog = page.getByRole('dialog', { name: 'Change your answer' });
      await dialog.getByText('Nothing else will be asked again.').waitFor();
      await page.keyboard.press('ArrowDown');
      await dialog.getByText('These will be asked again:').waitFor();
      expect(await dialog.getByRole('listitem').allTextContents()).toEqual([prompts.sleeping_guard_check]);
      await press(page, 'button', 'Keep');
      expect((await answersOf(ana, (await sessionOf(ana)).session_id))['security_level']).toBe('standard');
      await press(page, 'button', `Change ${prompts.security_level}`);
      await dialog.locator('input:focus').waitFor();
      await page.keyboard.press('ArrowUp');
      await dialog.getByText(/^These answers will count no more: /).waitFor();
      await page.keyboard.press('ArrowDown');
      await page.keyboard.press('ArrowDown');
      const listed = await dialog.getByRole('listitem').allTextContents();
      await press(page, 'button', 'Change');
      await asked(page, prompts.sleeping_guard_check).waitFor();
      const askedAgain: string[] = [];
      for (let { question, session_id: id } = await sessionOf(ana); question !== null;) {
        askedAgain.push(question.prompt as string);
        ({ body: { question } } = await ana.answer(id, question.id, question.type === 'boolean' ? true : null));
      }
      expect(listed).toEqual(askedAgain);
      // what another device does shows without a reload
      await page.getByRole('region', { name: 'Your answers' }).waitFor();
    }, { width });
  });

  test('says it in words where a number is asked, and is asked whether it was read rightly', async () => {
    const { ana, tenant } = await cast(instance);
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await choose(page, prompts.setup_urgency, 'Immediately');
      await choose(page, prompts.business_unit_type, 'Office');
      await type(page, prompts.business_unit_name, 'Pune Office');
      await type(page, prompts.expected_users, 'lots and lots');
      await page.getByRole('log').getByText(/A good estimate is enough/).waitFor();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('purple');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByRole('link', { name: 'Please give a whole number from 1 to 1000.' }).waitFor();
      expect(await page.title()).toBe('Error: Set up a business unit - Gangway');
      expect(await page.getByRole('textbox', { name: prompts.expected_users }).getAttribute('aria-invalid')).toBe('true');
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      expect(await page.getByRole('textbox', { name: prompts.expected_users }).evaluate((box) => box.matches(':focus'))).toBe(true);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('two dozen people');
      await page.keyboard.press('Enter');
      await page.getByRole('group', { name: 'Is that right?' }).getByText('24 people').waitFor();
      await press(page, 'button', 'No, change');
      await page.getByRole('dialog', { name: 'Change your answer' }).locator('input:focus').waitFor();
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('25');
      await page.keyboard.press('Enter');
      await asked(page, prompts.operating_hours).waitFor();
      const { session_id: id } = await sessionOf(ana);
      expect((await answersOf(ana, id))['expected_users']).toBe(25);
      await sayTimes(page, 'nine in the morning', 'five in the evening');
      await press(page, 'button', 'Yes');
      await asked(page, prompts.security_level).waitFor();
      expect((await answersOf(ana, id))['operating_hours']).toEqual({ start: '09:00', end: '17:00' });
    }, { width });
  });

  test('saves, and goes on elsewhere by the link: opening it spends nothing, going on does, and then it was used', async () => {
    const { ana, tenant } = await cast(instance);
    let link = '';
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await choose(page, prompts.setup_urgency, 'Immediately');
      await asked(page, prompts.business_unit_type).waitFor();
      await press(page, 'button', 'Save and continue later');
      const dialog = page.getByRole('dialog', { name: 'Save and continue later' });
      const box = dialog.getByRole('textbox', { name: 'Link' });
      expect(await box.getAttribute('readonly')).not.toBeNull();
      link = await box.inputValue();
      await press(page, 'button', 'Copy link');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      const save = page.getByRole('button', { name: 'Save and continue later' });
      expect(await save.evaluate((element) => element.matches(':focus'))).toBe(true);
    }, { width });
    const again = link.replace(/^https?:\/\/[^/]+/, '');
    await viewing(async ({ page }) => {
      for (let opened = 0; opened < 2; opened += 1) {
        await page.goto('about:blank');
        await open(page, again);
        await heading(page, 'Continue where you left off').waitFor();
        expect(page.url()).toBe(`${instance.url}/o/`);
      }
      await press(page, 'button', 'Continue');
      await started(page);
      await choose(page, prompts.business_unit_type, 'Warehouse');
      await asked(page, prompts.business_unit_name).waitFor();
      await press(page, 'button', 'Save and continue later');
      await page.getByRole('dialog').getByText(/^Everything is saved\. This page was opened by such a link/).waitFor();
      await press(page, 'button', 'Close');
      // a reload goes on in the same session, by what this tab keeps
      await page.reload();
      await asked(page, prompts.business_unit_name).waitFor();
    }, { width });
    await viewing(async ({ page }) => {
      await open(page, again);
      await press(page, 'button', 'Continue');
      await heading(page, 'Link used').waitFor();
    }, { width });
    const { session_id: id } = await sessionOf(ana);
    expect(await answersOf(ana, id)).toEqual({ setup_urgency: 'immediate', business_unit_type: 'warehouse' });
  });

  test.each(['Keep mine', 'Use the newer'] as const)('on two devices is told by the older one, and loses nothing: %s', async (choice) => {
    const { ana, tenant } = await cast(instance);
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await choose(page, prompts.setup_urgency, 'Immediately');
      await choose(page, prompts.business_unit_type, 'Office');
      await asked(page, prompts.business_unit_name).waitFor();
      await tabTo(page, 'textbox', prompts.business_unit_name);
      await page.keyboard.type('North Depot');
      await viewing(async ({ page: phone }) => {
        await openChat(phone, instance, tenant);
        await type(phone, prompts.business_unit_name, 'South Depot');
        await asked(phone, prompts.expected_users).waitFor();
        await status(page, 'This was changed on another device.');
        const choosing = page.getByRole('group', { name: prompts.business_unit_name });
        await until('both answers are seen, under nothing', () => isInView(choosing));
        await page.getByText('North Depot', { exact: true }).waitFor();
        await page.getByText('South Depot', { exact: true }).first().waitFor();
        await tabTo(page, 'button', choice);
        expect(await isInView(page.getByRole('button', { name: choice }))).toBe(true);
        await page.keyboard.press('Enter');
        await asked(page, prompts.expected_users).waitFor();
        const kept = choice === 'Keep mine' ? 'North Depot' : 'South Depot';
        await phone.getByRole('log').getByText(kept).waitFor();
        await page.getByRole('log').getByText(kept).waitFor();
      }, { width });
    }, { width });
    const { body: { answers } } = await ana.get(`/sessions/${(await sessionOf(ana)).session_id}/answers/`);
    expect(answers.filter(({ question_id: id }: Body) => id === 'business_unit_name').map(({ value }: Body) => value))
      .toEqual(choice === 'Keep mine' ? ['South Depot', 'North Depot'] : ['South Depot']);
  });

  test('is offline in two tabs: each answer is applied once and in order, and personal data are in no storage', async () => {
    const { ana, tenant } = await cast(instance);
    await viewing(async ({ context, page }) => {
      await openChat(page, instance, tenant);
      await choose(page, prompts.setup_urgency, 'Immediately');
      await asked(page, prompts.business_unit_type).waitFor();
      const other = await context.newPage();
      await openChat(other, instance, tenant);
      await asked(other, prompts.business_unit_type).waitFor();
      await context.setOffline(true);
      await choose(page, prompts.business_unit_type, 'Office');
      await status(page, 'You are offline. 1 answers are waiting.');
      await type(other, prompts.business_unit_name, 'Pune Office');
      await status(page, 'You are offline. 2 answers are waiting.');
      await type(page, prompts.expected_users, '24');
      await status(other, 'You are offline. 3 answers are waiting.');
      await context.setOffline(false);
      await Promise.all([page, other].map((each) => asked(each, prompts.operating_hours).waitFor()));
      const { session_id: id } = await sessionOf(ana);
      await until('all have come', async () => (await sessionOf(ana)).answers_count === 4);
      const { body: { answers } } = await ana.get(`/sessions/${id}/answers/`);
      expect(answers.map(({ question_id: question, value }: Body) => [question, value])).toEqual([
        ['setup_urgency', 'immediate'], ['business_unit_type', 'office'], ['business_unit_name', 'Pune Office'], ['expected_users', 24],
      ]);
      await sayTimes(page, '9:00', '17:00');
      await choose(page, prompts.security_level, 'Basic');
      await asked(other, prompts.contact_email).waitFor();
      await context.setOffline(true);
      await type(other, prompts.contact_email, 'pune@example.com');
      await status(page, 'You are offline. 1 answers are waiting.');
      for (const each of [page, other]) expect(await stored(each)).not.toContain('pune@');
      await context.setOffline(false);
      await status(page, /^Waiting for approval/);
      expect((await answersOf(ana, id))['contact_email']).toBe('pune@example.com');
      for (const each of [page, other]) expect(await stored(each)).not.toContain('pune@');
    }, { width });
  });

  test('asks for a person, who hands the session back and the page goes on by itself; goes on without one; and cancels', async () => {
    const { admin, ana, tenant } = await cast(instance);
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await choose(page, prompts.setup_urgency, 'Immediately');
      await asked(page, prompts.business_unit_type).waitFor();
      await press(page, 'button', 'Talk to a person');
      await status(page, 'A colleague has taken over.');
      expect(await page.getByRole('form').count()).toBe(0);
      await page.getByText(/^Everything you have said is kept\./).waitFor();
      expect((await admin.post(`/sessions/${(await sessionOf(ana)).session_id}/resume/`, {})).status).toBe(200);
      await asked(page, prompts.business_unit_type).waitFor();
      expect(await page.getByRole('status').textContent()).toBe('');
      await press(page, 'button', 'Talk to a person');
      await press(page, 'button', 'Go on without them');
      await asked(page, prompts.business_unit_type).waitFor();
      await press(page, 'button', 'Cancel onboarding');
      const dialog = page.getByRole('dialog', { name: 'Cancel this onboarding?' });
      await dialog.getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('we open later');
      await page.keyboard.press('Enter');
      await status(page, 'This onboarding was cancelled. Nothing was set up.');
      expect(await page.getByRole('button').count()).toBe(0);
      expect((await sessionOf(ana)).state).toBe('cancelled');
    }, { width });
  });
});

/** Everything that a browser keeps for a page, as text. */
const stored = (page: Page): Promise<string> => page.evaluate<string>(`(async () => JSON.stringify([
  { ...localStorage }, { ...sessionStorage }, await indexedDB.databases(),
]))()`);
