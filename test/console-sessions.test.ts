/** Sessions in Chromium, as an operator has them: found, looked at as they were, and acted on. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { directions, heading, hostileTexts, open, openNothing, press, startBrowser, tabTo, widths, zones } from './support/browser.ts';
import { consoleOf } from './support/console.ts';
import { cast, exampleOf, newTenant, person, type Body } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing, walking, as } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

const rowsOf = (page: Page) => page.getByRole('table', { name: 'Sessions' }).getByRole('rowheader');
const rows = (page: Page, ids: readonly string[]): Promise<void> => until(
  `the list is ${ids.join()}`, async () => (await rowsOf(page).allTextContents()).join() === ids.join(),
);

describe('the list', () => {
  test('is what the API has, is narrowed and sorted by its address, and finds by owner while one types', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const eve = await person(instance, tenant, 'eve', 'user');
    const [first, second] = [await ana.start(), await eve.start()].map(({ session_id: id }) => id as string) as [string, string];
    await ana.gives(first, 'setup_urgency', 'immediate');
    await until('both are listed, the answered one in progress', async () => (
      (await admin.get('/sessions/?state=in_progress')).body.total === 1 && (await admin.get('/sessions/')).body.total === 2
    ));
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/');
      await heading(page, 'Sessions').waitFor();
      await rows(page, [second, first]);
      const table = page.getByRole('table', { name: 'Sessions' });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual([
        'Session', 'Owner', 'Flow', 'State', 'Stage', 'Started', 'Last activity',
      ]);
      await page.getByText('2 in all').waitFor();
      await press(page, 'button', 'Last activity');
      await rows(page, [first, second]);
      expect(await table.getByRole('columnheader', { name: 'Last activity' }).getAttribute('aria-sort')).toBe('descending');
      await press(page, 'button', 'Clear filters');
      await page.keyboard.press('/');
      expect(await page.getByRole('searchbox',
        { name: 'Find by id, owner or correlation id' }).evaluate((box) => box.matches(':focus'))).toBe(true);
      await page.keyboard.type('eve');
      await rows(page, [second]);
      expect(new URL(page.url()).search).toBe('?q=eve');
      await press(page, 'button', 'Clear filters');
      await rows(page, [second, first]);
      await tabTo(page, 'combobox', 'State');
      await page.keyboard.type('in');
      await rows(page, [first]);
      await open(page, '/sessions?stage=started');
      await rows(page, [second]);
    });
  });

  test('has the same sessions at the same moments wherever its reader is, in words of the reader\'s zone, which it names', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await until('it is listed', async () => (await admin.get('/sessions/')).body.total === 1);
    const [{ created_at: started }] = (await admin.get('/sessions/')).body.results;
    const words: string[] = [];
    for (const zone of zones) for (const width of widths) {
      await viewing(async (viewed) => {
        const { page } = viewed;
        await as(viewed, tenant, 'dee', 'admin');
        await open(page, '/sessions');
        await rows(page, [id as string]);
        const time = page.locator('tr[data-id] time').first();
        expect(await time.getAttribute('datetime')).toBe(started);
        expect(await page.getByRole('contentinfo').textContent()).toContain(zone);
        const local = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', timeZone: zone }).format(new Date(started));
        words.push(await time.textContent() ?? '');
        expect(words.at(-1)).toContain(local);
      }, { zone, width });
    }
    expect(new Set(words).size).toBe(zones.length);
  });

  test('of a new tenant is empty and says so; what matches nothing is told apart; a missing session is not found', async () => {
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, newTenant(), 'dee', 'admin');
      await open(page, '/sessions');
      await page.getByText(/^No sessions yet\./).waitFor();
      await open(page, '/sessions?q=nobody');
      await page.getByText(/^No sessions match\./).waitFor();
      await openNothing(page, '/sessions/00000000-0000-4000-8000-000000000000');
    });
  });
});

describe('a session', () => {
  test('is seen as it was at any version by keys; what was said is hidden until a reason is given, which is audited', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const answered = await ana.answerAll(await ana.start(), { business_unit_name: 'Harbour North' });
    const { session_id: id } = await ana.inState(answered.session_id as string, 'awaiting_approval');
    await until('its versions are kept', async () => (await admin.get(`/sessions/${id}/`)).body.checkpoint_version > 1);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/sessions/${id}`);
      const newest = (await admin.get(`/sessions/${id}/`)).body.checkpoint_version as number;
      await page.getByRole('region', { name: `State at version ${newest}` }).getByText('Hidden').first().waitFor();
      expect(await page.getByText('Harbour North').count()).toBe(0);
      await tabTo(page, 'slider', 'Version');
      await page.keyboard.press('Home');
      await page.getByRole('region', { name: 'Changes since version 0' }).waitFor();
      const { body: version } = await admin.get(`/sessions/${id}/versions/1/`);
      const changed = version.changes_since_previous.map(({ change, question_id: question }: Body) => `${change} ${question}`).join(', ');
      const slider = page.getByRole('slider', { name: 'Version' });
      expect(await slider.getAttribute('aria-valuetext')).toMatch(/^version 1, \d\d:\d\d:\d\d, /);
      expect(await slider.getAttribute('aria-valuetext')).toContain(changed);
      await page.keyboard.press('End');
      await page.getByRole('region', { name: `State at version ${newest}` }).waitFor();
      await press(page, 'button', 'Show answers');
      await page.getByRole('dialog', { name: 'Show answers' }).getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('the person asked');
      await page.keyboard.press('Enter');
      await page.getByText('Harbour North').first().waitFor();
    });
    const { body: { results } } = await admin.get('/admin/audit/?action=version.read&limit=100');
    expect(results.filter(({ details }: Body) => details.answers === true)).toEqual([
      expect.objectContaining({ actor: 'dee', reason: 'the person asked' }),
    ]);
  });

  test('shows what happens in it without a reload, only its problems where that is asked, and is escalated, returned and cancelled', async () => {
    const { ana, admin, tenant } = await cast(instance);
    const { session_id: id } = await ana.start();
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/sessions/${id}`);
      const events = page.getByRole('list', { name: 'Events' }).getByRole('listitem');
      await ana.answer(id as string, 'setup_urgency', 'nonsense');
      await page.getByText('answer refused').waitFor();
      const all = await events.count();
      await press(page, 'checkbox', 'Only problems', 'Space');
      await until('only those are listed', async () => await events.count() < all && await page.getByText('answer refused').count() === 1);
      await press(page, 'button', 'Escalate');
      await page.getByRole('dialog', { name: 'Escalate this session?' }).getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('needs a call');
      await page.keyboard.press('Enter');
      await page.getByText('escalated', { exact: true }).waitFor();
      expect((await admin.get(`/sessions/${id}/`)).body.state).toBe('escalated');
      await press(page, 'button', 'Return to ana');
      await page.getByRole('status').getByText('Returned to ana.').waitFor();
      await page.getByText('started', { exact: true }).waitFor();
      expect((await ana.get(`/sessions/${id}/`)).body).toMatchObject({ state: 'started', question: { id: 'setup_urgency' } });
      await press(page, 'button', 'Cancel session');
      await page.getByRole('dialog', { name: 'Cancel this session?' }).getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('opened twice');
      await page.keyboard.press('Enter');
      await page.getByText('cancelled', { exact: true }).waitFor();
      for (const name of ['Escalate', 'Cancel session']) await until('it is gone', async () => await page.getByRole('button',
        { name }).count() === 0);
    });
    expect((await admin.get(`/sessions/${id}/`)).body.state).toBe('cancelled');
  });

  test('is resumed from a version by its owner alone, who is told first what is set aside', async () => {
    const { admin, tenant } = await cast(instance);
    const { session_id: id } = await admin.start();
    await admin.gives(id as string, 'setup_urgency', 'immediate');
    const { body: { checkpoint_version: version } } = await admin.post(`/sessions/${id}/checkpoint/`, { force: true });
    const { body: { question } } = await admin.get(`/sessions/${id}/`);
    await admin.gives(id as string, question.id as string, exampleOf(question));
    await admin.post(`/sessions/${id}/checkpoint/`, { force: true });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'eve', 'admin');
      await open(page, `/sessions/${id}`);
      expect(await page.getByRole('button', { name: /^Resume/ }).count()).toBe(0);
      await page.getByText('Only dee can resume it from a version.').waitFor();
    });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/sessions/${id}`);
      await tabTo(page, 'slider', 'Version');
      const newest = (await admin.get(`/sessions/${id}/`)).body.checkpoint_version as number;
      for (let at = newest; at > version; at -= 1) await page.keyboard.press('ArrowLeft');
      await press(page, 'button', `Resume from version ${version}`);
      const dialog = page.getByRole('dialog', { name: `Resume from version ${version}?` });
      await dialog.getByText('These answers will be set aside:').waitFor();
      expect(await dialog.getByRole('listitem').allTextContents()).toEqual([question.id]);
      await dialog.getByRole('button', { name: 'Resume' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('status').getByText(`Resumed from version ${version}.`).waitFor();
    });
    expect((await admin.get(`/sessions/${id}/`)).body.question.id).toBe(question.id);
  });
});

describe('every page of sessions', () => {
  test.each(directions)(
    'is, %s, clear to axe, never wider than its window, and shows what people said as text',
    async (_, language) => {
      const { ana, tenant } = await cast(instance);
      const answered = await ana.answerAll(await ana.start(), { business_unit_name: `${hostileTexts[0]} ${hostileTexts[2]}` });
      const { session_id: id } = await ana.inState(answered.session_id as string, 'awaiting_approval');
      await walking(async (viewed, look) => {
        const { page } = viewed;
        await as(viewed, tenant, 'dee', 'admin');
        await open(page, `/sessions${language}`);
        await look('the list');
        await open(page, `/sessions/${id}${language}`);
        await page.getByRole('region', { name: /^State at version/ }).waitFor();
        await look('one');
        await page.getByRole('button', { name: 'Show answers' }).click();
        await look('dialog');
        await page.getByRole('textbox', { name: 'Reason' }).fill(hostileTexts[0]);
        await page.getByRole('button', { name: 'Show', exact: true }).click();
        await page.getByText(hostileTexts[0]).first().waitFor();
        await look('answers');
        expect(await page.evaluate('window.ran')).toBeUndefined();
      });
    },
  );
});
