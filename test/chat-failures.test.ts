/** What a person sees when something fails: the service is killed under them, the model says no. In Chromium, on servers of its own. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { directions, heading, open, press, startBrowser, tabTo, widths } from './support/browser.ts';
import { answersOf, asked, choose, openChat, prompts, sessionOf, status, throughSecurity, type } from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { held, startFakeModel, status as answering, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, newTenant, person } from './support/person.ts';
import { until } from './support/until.ts';

let fake: FakeModel;
let instance: Instance;
let browser: Browser;
let folder: string;
const settings = (port: string): Record<string, string> => ({
  OPENAI_BASE_URL: fake.url, OPENAI_API_KEY: 'test', CHAT_MODEL: 'test', GANGWAY_RETRY_DELAY_PERCENT: '5', PORT: port,
});
beforeAll(async () => {
  fake = await startFakeModel();
  folder = await newFolder();
  [instance, browser] = await Promise.all([startInstance(folder, settings('0')), startBrowser()]);
});
afterAll(async () => {
  await browser.close();
  await discard(instance);
  await fake.close();
});

test.each(widths)('at %i px the model says no: a kind word with a time; an operator changes the input, and the page goes on by itself',
  async (width) => {
  fake.play(answering(401));
  const { viewing, as } = consoleOf(instance, () => browser);
  const { admin, tenant } = await cast(instance);
  await viewing(async ({ page: chat }) => {
    await openChat(chat, instance, tenant);
    await throughSecurity(chat, 'Basic');
    await status(chat, /^Something on our side failed\. We know, and go on by .* at the latest\.$/);
    const { notice, session_id: id } = await sessionOf(admin);
    expect(await chat.getByRole('status').locator('time').getAttribute('datetime')).toBe(notice.goes_on_by);
    expect(Date.parse(notice.goes_on_by) - Date.now()).toBeLessThanOrEqual(900_000);
    let loads = 0;
    chat.on('load', () => { loads += 1; });
    await until('the task is listed', async () => (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.total === 1);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/');
      await press(page, 'link', 'Dead letters');
      const { body: { results: [task] } } = await admin.get(`/admin/dlq/tasks/?session_id=${id}`);
      await page.getByRole('table', { name: 'Dead letters' }).waitFor();
      await press(page, 'link', new RegExp(task.fingerprint));
      await page.getByRole('link', { name: task.task_id }).waitFor();
      await press(page, 'link', task.task_id);
      await heading(page, `Dead letter ${task.task_id.slice(0, 8)}`).waitFor();
      await tabTo(page, 'textbox', 'number');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('first');
      await press(page, 'button', 'Retry');
      const alert = page.getByRole('alert');
      await alert.getByRole('heading', { level: 2, name: 'There is a problem' }).waitFor();
      await alert.getByRole('link').press('Enter');
      expect(await page.getByRole('textbox', { name: 'number', exact: true }).evaluate((field) => field.matches(':focus'))).toBe(true);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type(String(task.input?.number ?? 1));
      // without the model it is made by the rules alone
      await tabTo(page, 'combobox', 'provider');
      await page.keyboard.type('rules');
      await press(page, 'button', 'Retry');
      await page.getByText('completed', { exact: true }).waitFor();
      expect((await admin.get(`/admin/dlq/tasks/${task.task_id}/`)).body).toMatchObject({ status: 'completed', amended: true,
        manual_retries: 1 });
    }, { width });
    await status(chat, /^Waiting for approval since /);
    expect(loads).toBe(0);
  }, { width });
});

describe.each(directions)('%s, is clear to axe and never wider than its window:', (_, language) => {
  test('a proposal on its way, and one that failed', async () => {
    const model = held();
    fake.play(model.behaviour);
    const { walking } = consoleOf(instance, () => browser);
    const { ana, tenant } = await cast(instance);
    await ana.answerAll(await ana.start());
    await walking(async ({ page }, look) => {
      await openChat(page, instance, tenant, { language });
      await status(page, 'Preparing your proposal. You can close this page.');
      await look('preparing');
      model.answer(answering(401));
      await status(page, /^Something on our side failed/);
      await look('failed');
    });
  });
});

test.each(widths)('at %i px SIGKILL of the service while somebody types: the text is still there, and is sent after the restart, once',
  async (width) => {
  const { viewing } = consoleOf(instance, () => browser);
  const tenant = newTenant();
  await viewing(async ({ page }) => {
    await openChat(page, instance, tenant);
    await choose(page, prompts.setup_urgency, 'Immediately');
    await choose(page, prompts.business_unit_type, 'Office');
    await asked(page, prompts.business_unit_name).waitFor();
    await tabTo(page, 'textbox', prompts.business_unit_name);
    await page.keyboard.type('Pune ');
    const { port } = new URL(instance.url);
    await instance.kill();
    await page.keyboard.type('Office');
    expect(await page.getByRole('textbox', { name: prompts.business_unit_name }).inputValue()).toBe('Pune Office');
    await page.keyboard.press('Enter');
    await status(page, 'You are offline. 1 answers are waiting.');
    await type(page, prompts.expected_users, '24');
    await status(page, 'You are offline. 2 answers are waiting.');
    instance = await startInstance(folder, settings(port));
    const ana = await person(instance, tenant, 'ana', 'user');
    await until('all has come', async () => (await sessionOf(ana)).answers_count === 4);
    const { session_id: id } = await sessionOf(ana);
    expect(await answersOf(ana, id)).toMatchObject({ business_unit_name: 'Pune Office', expected_users: 24 });
    expect((await ana.get(`/sessions/${id}/answers/`)).body.answers).toHaveLength(4);
    await asked(page, prompts.operating_hours).waitFor();
    expect(await page.getByRole('status').textContent()).toBe('');
    await press(page, 'button', `Change ${prompts.business_unit_name}`);
  }, { width });
});
