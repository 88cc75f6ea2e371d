/** What a person sees when something fails: the service is killed under them, the model says no. In Chromium, on servers of its own. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { press, startBrowser, tabTo } from './support/browser.ts';
import { answersOf, asked, choose, openChat, prompts, sessionOf, status, throughSecurity, type } from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { says, startFakeModel, status as answering, type FakeModel } from './support/fake-model.ts';
import { newFolder } from './support/folders.ts';
import { discard, startInstance, type Instance } from './support/instance.ts';
import { cast, newTenant, person, type Body } from './support/person.ts';
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

test('the model says no: a kind word with a time; an operator retries, and the page goes on without a reload', async () => {
  fake.play(answering(401));
  const { viewing } = consoleOf(instance, () => browser);
  const { admin, tenant } = await cast(instance);
  await viewing(async ({ page }) => {
    await openChat(page, instance, tenant);
    await throughSecurity(page, 'Basic');
    await status(page, /^Something on our side failed\. We know, and go on by .* at the latest\.$/);
    const { notice, session_id: id } = (await admin.get('/sessions/')).body.results[0];
    expect(await page.getByRole('status').locator('time').getAttribute('datetime')).toBe(notice.goes_on_by);
    expect(Date.parse(notice.goes_on_by) - Date.now()).toBeLessThanOrEqual(900_000);
    fake.play(says({ proposals: [] }));
    let task: Body;
    await until('the task is listed', async () => {
      [task] = (await admin.get(`/admin/dlq/tasks/?session_id=${id}`)).body.results;
      return task !== undefined;
    });
    expect((await admin.post(`/admin/dlq/tasks/${task.task_id}/retry/`, { reason: 'the model is back' })).status).toBe(202);
    await status(page, /^Waiting for approval since /);
  });
});

test('SIGKILL of the service while somebody types: the text is still there, and is sent after the restart, once', async () => {
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
  });
});
