/** How the chat reads: hostile words as text, files, languages, who may not come in, what is kept, and what is new. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import { heading, hostileTexts, open, press, signIn, startBrowser, tabTo, widths, zones } from './support/browser.ts';
import {
  answersOf, approveAll, asked, choose, chooseFile, openChat, photoPrompt, prompts, sessionOf, status, surveyUntil, throughSecurity, type,
} from './support/chat.ts';
import { consoleOf } from './support/console.ts';
import { cast, exampleOf, newTenant, person, tokenFor } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';
import { photo } from './support/uploading.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

test('hostile words of a flow and of a person are shown as text, and nothing runs', async () => {
  const { ana, admin, tenant } = await cast(instance);
  const [image, script, svg] = hostileTexts;
  // a text has 200 characters at most
  const said = hostileTexts.slice(2).join(' ');
  const { status: published } = await admin.call('PUT', '/admin/flows/hostile/', {
    default_language: 'en', languages: ['en'], title: { en: `${image} ${svg}` },
    questions: [
      { id: 'words', type: 'text', prompt: { en: script }, help: { en: hostileTexts.join(' ') } },
      { id: 'kind', type: 'single_choice', prompt: { en: svg }, options: [{ value: 'x', label: { en: image } }] },
    ],
    recommendations: [{
      id: 'log', target: { type: 'type_assist', key: "'log'" }, values: { code: "'LOG'", label: "'Log'", category: "'desk'" },
      confidence: 0.9, always: true, rationale: { en: script },
    }],
  });
  expect(published).toBe(201);
  await viewing(async ({ page }) => {
    await openChat(page, instance, tenant, { flow: 'hostile' });
    await heading(page, `${image} ${svg}`).waitFor();
    await type(page, script, said);
    await choose(page, svg, image);
    await page.getByRole('region', { name: 'Your answers' }).getByText(said).waitFor();
    await press(page, 'button', `Change ${script}`);
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await status(page, /^Waiting for approval/);
    expect(await page.evaluate<unknown>('window.ran')).toBeUndefined();
  });
  expect(Object.values(await answersOf(ana, (await sessionOf(ana)).session_id))).toContain(said);
});

test('a file is chosen and sent, given up, and the same one chosen again; the API has it as the answer', async () => {
  const { ana, tenant } = await cast(instance);
  const { session_id: id } = await ana.start({ flow: 'site_survey' });
  const file = await photo();
  const { name } = file;
  await surveyUntil(ana, id as string, 'entrance_photo');
  await viewing(async ({ context, page }) => {
    await openChat(page, instance, tenant, { flow: 'site_survey' });
    await asked(page, photoPrompt).waitFor();
    const choosing = (): Promise<void> => chooseFile(page, file);
    // what the line loses can be tried again, or given up
    await context.setOffline(true);
    await choosing();
    await page.getByRole('progressbar', { name: `Uploading ${name}` }).waitFor();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await press(page, 'button', 'Cancel upload');
    await choosing();
    await page.getByRole('button', { name: 'Try again' }).waitFor();
    await context.setOffline(false);
    await press(page, 'button', 'Try again');
    await page.getByText(`${name} is here. Press Send.`).waitFor();
    await choosing();
    await page.getByText(`${name} is here. Press Send.`).waitFor();
    await press(page, 'button', 'Send');
    await asked(page, 'Do you have a plan of the site as a document?').waitFor();
    const { body: { results: [upload] } } = await ana.get(`/sessions/${id}/uploads/`);
    expect(upload).toMatchObject({ kind: 'photo', name });
    expect((await answersOf(ana, id))['entrance_photo']).toBe(upload.upload_id);
  });
});

test('the words follow the address, or the browser; a language that the flow lacks falls back to one that it has', async () => {
  const tenant = newTenant();
  for (const [language, subject, send, spoken] of [
    ['?lang=hi', 'one', 'भेजें', 'hi'], ['?lang=es', 'two', 'Enviar', 'en'], ['', 'three', 'Send', 'en'],
  ] as const) {
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant, { subject, language });
      await page.getByRole('button', { name: send, exact: true }).waitFor();
      expect(await page.locator('html').getAttribute('lang')).toBe(language === '' ? 'en' : language.slice(6));
      const who = await person(instance, tenant, subject, 'user');
      expect((await sessionOf(who)).language).toBe(spoken);
    });
  }
});

test('a day stays the day that was said, wherever its reader is, and a moment is told in the reader\'s zone, which is named', async () => {
  const { ana, tenant } = await cast(instance);
  const session = await ana.start();
  const { session_id: id } = await ana.answerAll(session, { setup_urgency: 'planned', go_live_on: '2027-01-15' });
  const { waiting_since: since } = await ana.inState(id as string, 'awaiting_approval');
  for (const zone of zones) for (const width of widths) {
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant);
      await status(page, /^Waiting for approval since /);
      await page.getByRole('region', { name: 'Your answers' }).getByText(/^Friday,? 15 January 2027$/).waitFor();
      const local = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeStyle: 'medium', timeZone: zone }).format(new Date(since));
      expect(await page.getByRole('status').textContent()).toBe(`Waiting for approval since ${local}.`);
      expect(await page.getByRole('contentinfo').textContent()).toContain(zone);
    }, { zone, width });
  }
});

describe('who comes without a link that fits', () => {
  test('is told what to do: no link, a spoilt one, an unknown flow, another role', async () => {
    const tenant = newTenant();
    const approver = await tokenFor(instance, tenant, 'ben', ['approver']);
    const user = await tokenFor(instance, tenant, 'ana', ['user']);
    for (const [path, title] of [
      ['/o/', 'Open your personal link'], ['/o/business_unit_setup', 'Open your personal link'],
      ['/o/business_unit_setup#t=nonsense', 'Open your personal link'], [`/o/nothing#t=${user}`, 'Not found'],
      [`/o/business_unit_setup#t=${approver}`, 'You cannot open this page'],
    ] as const) {
      await viewing(async ({ page }) => {
        await open(page, path);
        expect([path.slice(0, 30), await heading(page, /./).textContent()]).toEqual([path.slice(0, 30), title]);
        expect(page.url()).not.toContain('#');
      });
    }
  });

  test('but is signed in to the console goes on as that person, led there from its first page', async () => {
    const { ana, tenant } = await cast(instance);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await signIn(viewed, await tokenFor(instance, tenant, 'ana', ['user']));
      await open(page, '/');
      await heading(page, 'You cannot open this page').waitFor();
      await press(page, 'link', 'Set up a business unit');
      await choose(page, prompts.setup_urgency, 'Immediately');
      await asked(page, prompts.business_unit_type).waitFor();
      expect(await answersOf(ana, (await sessionOf(ana)).session_id)).toEqual({ setup_urgency: 'immediate' });
    });
  });

  test('goes on in the same tab when the link is opened in it, also while another session is shown', async () => {
    const tenant = newTenant();
    await viewing(async ({ page }) => {
      await openChat(page, instance, tenant, { subject: 'ana' });
      await choose(page, prompts.setup_urgency, 'Immediately');
      await asked(page, prompts.business_unit_type).waitFor();
      await openChat(page, instance, tenant, { subject: 'eve' });
      await asked(page, prompts.setup_urgency).waitFor();
      const eve = await person(instance, tenant, 'eve', 'user');
      await until('eve has a session', async () => (await eve.get('/sessions/')).body.total === 1);
    });
  });
});

test('what is typed to a personal question is in no storage, survives another link in the same tab, and a reload forgets it', async () => {
  const { ana, tenant } = await cast(instance);
  let { question, session_id: id } = await ana.start();
  while (question.id !== 'contact_email') ({ body: { question } } = await ana.answer(id, question.id, exampleOf(question)));
  await viewing(async ({ page }) => {
    await openChat(page, instance, tenant);
    const box = page.getByRole('textbox', { name: prompts.contact_email });
    await tabTo(page, 'textbox', prompts.contact_email);
    await page.keyboard.type('pune@exam');
    await page.goto(`/o/business_unit_setup#t=${await tokenFor(instance, tenant, 'ana', ['user'], 1_800)}`);
    await until('the new link is taken', async () => !page.url().includes('#') && await box.count() === 1);
    expect(await box.inputValue()).toBe('pune@exam');
    expect(await page.evaluate<string>('JSON.stringify([{ ...localStorage }, { ...sessionStorage }])')).not.toContain('pune@');
    await page.reload();
    await box.waitFor();
    expect(await box.inputValue()).toBe('');
  });
});

test('somebody who reads above is not moved when something new comes, but told of it', async () => {
  const { ana, ben, tenant } = await cast(instance);
  await viewing(async ({ page }) => {
    await openChat(page, instance, tenant);
    await throughSecurity(page, 'Basic');
    await status(page, /^Waiting for approval/);
    await page.evaluate('scrollTo(0, 0)');
    const { session_id: id } = await sessionOf(ana);
    await approveAll(ben, id);
    await status(page, 'Done. Your setup is in place.');
    await page.getByRole('button', { name: 'Newest message' }).waitFor();
    expect(await page.evaluate<number>('scrollY')).toBe(0);
    await press(page, 'button', 'Newest message');
    await page.getByRole('button', { name: 'Newest message' }).waitFor({ state: 'detached' });
  });
});
