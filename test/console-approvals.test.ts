/** An approver's hour in Chromium: what waits, deciding item by item, the second person, and the way back. On real sessions. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import {
  directions, heading, hostileTexts, open, openNothing, press, settled, startBrowser, tabTo, widths,
} from './support/browser.ts';
import { consoleOf } from './support/console.ts';
import { changes, pendingSecond } from './support/pending-second.ts';
import { cast, person, proposed, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing, walking, as } = consoleOf(instance, () => browser);
beforeAll(async () => { browser = await startBrowser(); });
afterAll(() => browser.close());

const listed = (ben: Person, count: number): Promise<void> => until(
  `${count} wait`, async () => (await ben.get('/approvals/')).body.total === count,
);
const words = (page: Page, target: string) => page.getByRole('radiogroup', { name: `Decision for ${target}`, exact: true });

describe('what waits', () => {
  test('is listed as the API has it, narrowed by the address, and by it alone', async () => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const { session } = await proposed(ana, ben);
    const dora = await person(instance, tenant, 'dora', 'user');
    const second = await pendingSecond({ ana: dora, ben, admin });
    await listed(ben, 2);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await open(page, '/approvals');
      const table = page.getByRole('table', { name: 'Approvals' });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual([
        'Session', 'Flow', 'Changes', 'Risk', 'Waiting since', 'Waits for',
      ]);
      expect(await table.getByRole('rowheader').allTextContents()).toEqual([session.session_id, second.session_id]);
      await page.getByText('2 in all').waitFor();
      await tabTo(page, 'combobox', 'Waits for');
      await page.keyboard.type('second');
      await until('it is narrowed', async () => await table.getByRole('rowheader').count() === 1);
      expect(new URL(page.url()).search).toBe('?waits_for=second_person');
      await open(page, '/approvals?waits_for=me');
      expect(await table.getByRole('rowheader').allTextContents()).toEqual([session.session_id]);
      await press(page, 'button', 'Clear filters');
      await until('all are there', async () => await table.getByRole('rowheader').count() === 2);
      await press(page, 'link', session.session_id as string);
      await heading(page, `Decide on ${String(session.session_id).slice(0, 8)}`).waitFor();
    });
  });

  test('is nothing for a new tenant, and says what it is for; a session that is not there is not found', async () => {
    const { tenant } = await cast(instance);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await open(page, '/');
      await heading(page, 'Approvals').waitFor();
      await page.getByText(/^No approvals/).waitFor();
      for (const path of ['/approvals/x', '/changesets/x', '/approvals/00000000-0000-4000-8000-000000000000']) {
        await openNothing(page, path);
      }
    });
  });
});

describe('deciding', () => {
  test.each(widths)('by keys at %i px: one modified after a mistake was told, one rejected, and exactly what was previewed applied', async (
    width,
  ) => {
    const { ana, ben, tenant } = await cast(instance);
    const { session, proposal } = await proposed(ana, ben);
    const [unit, security] = ['business_unit:', 'security_setting:'].map((kind) => (
      proposal.recommendations.find(({ target }: Body) => target.startsWith(kind))
    ));
    const others = proposal.recommendations.filter((item: Body) => item !== unit && item !== security);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await open(page, `/approvals/${session.session_id}`);
      const table = page.getByRole('table', { name: 'Changes' });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual(['Target', 'Before', 'After', 'Confidence', 'Decision']);
      await page.getByText(`Risk ${proposal.risk.score} = `).waitFor();
      await press(page, 'button', 'Preview');
      await page.getByRole('alert').getByRole('link', { name: 'Decide on at least one change' }).waitFor();
      await press(page, 'button', 'Approve all');
      // arrows choose, as radios do
      await words(page, security.target).getByRole('radio', { name: 'Approve' }).focus();
      await page.keyboard.press('ArrowDown');
      expect(await words(page, security.target).getByRole('radio', { name: 'Reject' }).isChecked()).toBe(true);
      await words(page, unit.target).getByRole('radio', { name: 'Approve' }).focus();
      await page.keyboard.press('ArrowUp');
      expect(await words(page, unit.target).getByRole('radio', { name: 'Modify' }).isChecked()).toBe(true);
      await tabTo(page, 'textbox', 'expected_users');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('many');
      await press(page, 'button', 'Preview');
      const users = page.getByRole('textbox', { name: 'expected_users' });
      await page.getByRole('alert').getByRole('heading', { name: 'There is a problem' }).waitFor();
      expect(await users.getAttribute('aria-invalid')).toBe('true');
      await page.getByRole('alert').getByRole('link').first().press('Enter');
      expect(await users.evaluate((field) => field.matches(':focus'))).toBe(true);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('42');
      await press(page, 'button', 'Preview');
      const preview = page.getByRole('region', { name: 'What will happen' });
      await preview.getByText(unit.target, { exact: true }).waitFor();
      expect(await preview.getByText(security.target, { exact: true }).count()).toBe(0);
      expect((await ben.get('/changesets/')).body.total).toBe(0);
      await press(page, 'button', 'Decide');
      const dialog = page.getByRole('dialog', { name: `Apply ${others.length + 1} changes?` });
      await dialog.getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('no guards there');
      await page.keyboard.press('Enter');
      await heading(page, /^Changeset [0-9a-f]{8}$/).waitFor();
      await page.getByRole('status').getByText('Applied.').waitFor();
      await settled(page);
      await page.getByText('applied', { exact: true }).first().waitFor();
    }, { width });
    const { body: { results: [changeset] } } = await ben.get('/changesets/');
    expect(changeset).toMatchObject({ status: 'applied', approved_by: 'ben', session_id: session.session_id });
    const { body: { changes: applied } } = await ben.get(`/changesets/${changeset.changeset_id}/`);
    expect(applied.map(({ target }: Body) => target)).toEqual(
      proposal.recommendations.filter((item: Body) => item !== security).map(({ target }: Body) => target),
    );
    expect(applied.find(({ target }: Body) => target === unit.target).after.expected_users).toBe(42);
  });

  test('is offered to whoever opened the proposal a moment before the list had it', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session } = await proposed(ana, ben);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await page.route('**/approvals/?session_id=*', async (route) => {
        const response = await route.fetch();
        await route.fulfill({ response, json: { ...await response.json() as Body, results: [], total: 0 } });
      }, { times: 1 });
      await open(page, `/approvals/${session.session_id}`);
      await page.getByText('This waits for no approver now.').waitFor();
      await page.getByRole('button', { name: 'Preview' }).waitFor();
      expect(await page.getByText('This waits for no approver now.').count()).toBe(0);
    });
  });

  test('on what has changed since it was opened is refused in words, and shows what changed', async () => {
    const { ana, ben, tenant } = await cast(instance);
    const { session } = await proposed(ana, ben, { expected_users: 12 });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await open(page, `/approvals/${session.session_id}`);
      await press(page, 'button', 'Approve all');
      await ana.gives(session.session_id, 'expected_users', 77);
      await ana.inState(session.session_id, 'awaiting_approval');
      await press(page, 'button', 'Decide');
      await page.getByRole('dialog').getByRole('button', { name: 'Apply' }).focus();
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('This changed since you opened it').waitFor();
      await press(page, 'button', 'Show what changed');
      await page.getByRole('region', { name: 'What changed' }).getByText(/12.* then, .*77.* now/).first().waitFor();
      await press(page, 'button', 'Go on with what is there now');
      await page.getByRole('alert').waitFor({ state: 'detached' });
      await table77(page).waitFor();
      expect((await ben.get('/changesets/')).body.total).toBe(0);
    });
  });

  test.each(widths)('is at %i px not for who asked, nor twice for one: they are told, and have no button; a second person ends it', async (
    width,
  ) => {
    const { ben, admin, tenant } = await cast(instance);
    const ana = await person(instance, tenant, 'ana', 'user', 'approver');
    const session = await pendingSecond({ ana, ben, admin });
    await listed(ben, 1);
    for (const subject of ['ana', 'ben']) {
      await viewing(async (viewed) => {
        const { page } = viewed;
        await as(viewed, tenant, subject, 'user', 'approver');
        await open(page, `/approvals/${session.session_id}`);
        await page.getByText(/^You cannot decide: /).waitFor();
        await page.getByText('Two people must approve').waitFor();
        for (const name of ['Approve', 'Reject', 'Escalate', 'Decide']) expect(await page.getByRole('button', { name }).count()).toBe(0);
      }, { width });
    }
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'eve', 'approver');
      await open(page, `/approvals/${session.session_id}`);
      await tabTo(page, 'textbox', 'Reason');
      await page.keyboard.type('as agreed');
      await press(page, 'button', 'Approve');
      await heading(page, /^Changeset/).waitFor();
      await page.getByText('It is in place.').waitFor();
      const details = page.getByLabel('Details', { exact: true });
      expect(await details.locator('dd').allTextContents()).toEqual(expect.arrayContaining(['applied', 'ben', 'eve', 'ana']));
      await until('every change is shown', async () => await page.locator('tr[data-id]').count() === changes);
    }, { width });
    expect((await ana.get(`/sessions/${session.session_id}/`)).body.state).toBe('completed');
  });
});

const table77 = (page: Page) => page.getByRole('table', { name: 'Changes' }).getByText('77', { exact: true }).first();

describe('a changeset', () => {
  test.each(widths)('is at %i px rolled back by an admin with a reason; what changed since is refused in words, and then forced', async (
    width,
  ) => {
    const { ana, ben, admin, tenant } = await cast(instance);
    const first = await proposed(ana, ben, { business_unit_name: 'North Depot', expected_users: 10 });
    const apply = async ({ session, items }: { session: Body; items: readonly string[] }): Promise<Body> => (
      await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false })
    ).body;
    const { changeset_id: id } = await apply(first);
    const eve = await person(instance, tenant, 'eve', 'user');
    await apply(await proposed(eve, ben, { business_unit_name: 'North Depot', expected_users: 20 }));
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'ben', 'approver');
      await open(page, `/changesets/${id}`);
      expect(await page.getByRole('button', { name: 'Roll back' }).count()).toBe(0);
    }, { width });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/changesets/${id}`);
      await press(page, 'button', 'Roll back');
      const dialog = page.getByRole('dialog', { name: 'Roll back this changeset?' });
      await dialog.getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.press('Enter');
      await dialog.getByRole('link', { name: 'Enter a reason' }).press('Enter');
      await page.keyboard.type('opened by mistake');
      await page.keyboard.press('Enter');
      await dialog.getByRole('alert').getByText(/is no longer what this changeset left/).first().waitFor();
      await dialog.getByRole('alert').getByText(/^Correlation id/).waitFor();
      await press(page, 'checkbox', 'Even if the target has changed', 'Space');
      await dialog.getByRole('button', { name: 'Roll back' }).focus();
      await page.keyboard.press('Enter');
      await page.getByText('It was rolled back as a whole.').waitFor();
      await page.getByText(/by dee.*opened by mistake \(forced\)/s).waitFor();
    }, { width });
    expect((await admin.get(`/changesets/${id}/`)).body).toMatchObject({ status: 'rolled_back', rollback_forced: true });
  });
});

describe('every page of an approver', () => {
  test.each(directions)('is, %s, clear to axe, never wider than its window, and shows what others wrote as text', async (_, language) => {
    const { ana, ben, tenant } = await cast(instance);
    const written = hostileTexts.join(' ');
    const { session } = await proposed(ana, ben, { business_unit_name: `${hostileTexts[0]} ${hostileTexts[2]}` });
    const eve = await person(instance, tenant, 'eve', 'user');
    const other = await proposed(eve, ben, { business_unit_name: hostileTexts[1] });
    const { body: { changeset_id: changeset } } = await ben.post(`/sessions/${other.session.session_id}/decision/`, {
      approved_items: other.items.slice(0, 1), rejected_items: other.items.slice(1), reasons: { [other.items[1] ?? '']: written },
      dry_run: false,
    });
    await listed(ben, 1);
    await walking(async (viewed, look) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      for (const path of ['/approvals', '/approvals?waits_for=second_person', `/changesets/${changeset}`]) {
        await open(page, `${path}${language.replace('?', path.includes('?') ? '&' : '?')}`);
        await look(path);
      }
      await page.getByRole('button', { name: 'Roll back' }).click();
      await look('roll back');
      await open(page, `/approvals/${session.session_id}${language}`);
      await page.getByText(hostileTexts[0]).first().waitFor();
      await page.getByRole('button', { name: 'Approve all' }).click();
      await page.getByRole('radio', { name: 'Modify' }).first().click();
      await page.getByRole('textbox', { name: 'expected_users' }).fill('many');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('alert').waitFor();
      await look('a mistake');
      await page.getByRole('textbox', { name: 'expected_users' }).fill('5');
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('region', { name: 'What will happen' }).waitFor();
      await look('preview');
      await page.getByRole('button', { name: 'Decide', exact: true }).click();
      await look('decide');
      expect(await page.evaluate('window.ran')).toBeUndefined();
    });
  });
});
