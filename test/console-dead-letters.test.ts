/** An operator's hour in Chromium, without a mouse: signing in, dead letters, one task, a group, a redrive. On tasks of the real engine. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Browser } from 'playwright-core';
import {
  directions, heading, hostileTexts as corpus, open, openNothing, press, settled, signIn, startBrowser, tabTo, widths,
} from './support/browser.ts';
import { consoleOf } from './support/console.ts';
import { engineOf, park, parkAll, type Engine } from './support/parking.ts';
import { base, cast, newTenant, tokenFor, type Body, type Person } from './support/person.ts';
import { sharedInstance } from './support/shared.ts';
import { openStream } from './support/stream-reader.ts';
import { until } from './support/until.ts';

const instance = await sharedInstance();
let browser: Browser;
const { viewing, walking, as } = consoleOf(instance, () => browser);
let engine: Engine;
beforeAll(async () => { [browser, engine] = await Promise.all([startBrowser(), engineOf(instance)]); });
afterAll(() => Promise.all([browser.close(), engine.connection.close()]));

const retriesOf = async (admin: Person, id: string): Promise<Body> => (await admin.get(`/admin/dlq/tasks/${id}/`)).body;

describe('signing in', () => {
  test('leads back to the address that was asked for, after a wrong token was told as such; signing out ends it', async () => {
    await viewing(async ({ page }) => {
      await page.goto('/dead-letters?fingerprint=f-9');
      await heading(page, 'Sign in').waitFor();
      expect(new URL(page.url()).search).toBe(`?next=${encodeURIComponent('/dead-letters?fingerprint=f-9')}`);
      await page.keyboard.press('Tab');
      expect(await page.getByRole('link', { name: 'Skip to content' }).evaluate((link) => link.matches(':focus'))).toBe(true);
      await tabTo(page, 'textbox', 'Access token');
      await page.keyboard.type('nonsense');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').getByText('This token is not valid.').waitFor();
      expect(await page.getByRole('textbox').getAttribute('aria-invalid')).toBe('true');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.insertText(await tokenFor(instance, newTenant(), 'dee', ['admin']));
      await page.keyboard.press('Enter');
      await heading(page, 'Dead letters').waitFor();
      await settled(page);
      expect([await page.title(), new URL(page.url()).search]).toEqual(['Dead letters - Gangway', '?fingerprint=f-9']);
      await press(page, 'button', 'dee');
      await press(page, 'button', 'Sign out');
      await heading(page, 'Sign in').waitFor();
      await page.goto('/dead-letters');
      await heading(page, 'Sign in').waitFor();
    });
  });

  test('never leads to another site, whatever the address says', async () => {
    for (const next of ['https://evil.test/', '//evil.test/', '/\\evil.test', 'javascript:alert(1)']) {
      await viewing(async ({ page }) => {
        await open(page, `/sign-in?next=${encodeURIComponent(next)}`);
        await page.getByRole('textbox').fill(await tokenFor(instance, newTenant(), 'dee', ['admin']));
        await page.keyboard.press('Enter');
        await heading(page, 'Sessions').waitFor();
        expect(new URL(page.url()).origin).toBe(instance.url);
      });
    }
  });

  test.each([
    ['user', []], ['analyst', []], ['approver', ['Approvals']], ['admin', ['Sessions', 'Approvals', 'Dead letters']],
  ] as const)('as %s gives exactly the menu %j; every other page says that it is not for them, and its routes refuse them', async (
    role, names,
  ) => {
    await viewing(async (viewed) => {
      const { page, context } = viewed;
      await signIn(viewed, await tokenFor(instance, newTenant(), 'x', [role]));
      for (const width of widths) {
        await page.setViewportSize({ width, height: 800 });
        await page.goto('/');
        await heading(page, names.length === 0 ? 'You cannot open this page' : names[0]).waitFor();
        const navigation = page.getByRole('navigation', { name: 'Main' });
        expect(await navigation.count()).toBe(1);
        expect(await navigation.getByRole('link').allTextContents()).toEqual(names);
        for (const name of names) {
          await press(page, 'link', name);
          await heading(page, name).waitFor();
        }
      }
      const mayOpen = (owner: Opener): boolean => role === 'admin' || role === owner;
      for (const [owner, paths] of Object.entries(places) as [Opener, readonly string[]][]) {
        for (const path of mayOpen(owner) ? [] : paths) {
          await open(page, path);
          expect([path, await heading(page, /./).textContent()]).toEqual([path, 'You cannot open this page']);
        }
        // a list of sessions is to everybody that of their own, and to an admin that of the tenant
        const statuses = await Promise.all(routes[owner].map(async (route) => (
          [route, (await context.request.get(`${base}${route}`)).status()]
        )));
        expect(statuses).toEqual(routes[owner].map((route) => [route, mayOpen(owner) ? 200 : 403]));
      }
    });
  });
});

type Opener = 'admin' | 'analyst' | 'approver';
/** Whom pages are for, those of things by an id that nothing has; an admin may open all. */
const places: Readonly<Record<Opener, readonly string[]>> = {
  approver: ['/approvals', '/approvals/x', '/changesets/x'],
  analyst: ['/funnel', '/why', '/trends', '/replay/x'],
  admin: [
    '/sessions', '/sessions/x', '/dead-letters', '/dead-letters/x', '/redrives/x', '/at-risk', '/limits', '/flows', '/flows/x', '/audit',
    '/api-keys', '/temporal',
  ],
};
/** What they are made from. */
const routes: Readonly<Record<Opener, readonly string[]>> = {
  approver: ['/approvals/', '/changesets/'],
  analyst: ['/analytics/funnel/', '/analytics/sessions/'],
  admin: ['/admin/dlq/groups/', '/admin/dlq/tasks/', '/admin/at-risk-sessions/', '/admin/audit/', '/admin/api-keys/'],
};

describe('dead letters', () => {
  test('are listed by what went wrong as the API has them, and a group by its tasks', async () => {
    const { admin, tenant } = await cast(instance);
    const ids = [await park(engine, admin, { fingerprint: 'f-a' }), await park(engine, admin, { fingerprint: 'f-a', message: 'HTTP 500' })];
    await park(engine, admin, { fingerprint: 'f-b' });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/dead-letters');
      const table = page.getByRole('table', { name: 'Dead letters' });
      expect(await table.getByRole('columnheader').allTextContents()).toEqual([
        'Failure', 'Task', 'Count', 'Sessions', 'First seen', 'Last seen',
      ]);
      const { body: { results, total } } = await admin.get('/admin/dlq/groups/');
      const rows = table.locator('tr[data-id]');
      expect(await rows.evaluateAll((all) => all.map((row) => row.getAttribute('data-id')))).toEqual(
        results.map(({ fingerprint }: Body) => fingerprint),
      );
      await page.getByText(`${total} in all`).waitFor();
      expect(await rows.first().locator('time').first().getAttribute('datetime')).toBe(results[0].first_seen);
      await press(page, 'link', /f-a/);
      await page.getByRole('checkbox', { name: 'Select all 2 matching' }).waitFor();
      expect(new URL(page.url()).search).toBe('?fingerprint=f-a');
      expect(await table.getByRole('columnheader').allTextContents()).toEqual([
        'Task id', 'Task', 'Category', 'Attempts', 'Parked', 'Session',
      ]);
      expect((await table.getByRole('rowheader').getByRole('link').allTextContents()).toSorted()).toEqual(ids.toSorted());
    });
  });

  test('of nobody are an empty page that says what it is for; a missing one is not found', async () => {
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, newTenant(), 'dee', 'admin');
      await open(page, '/dead-letters');
      await page.getByText(/^No dead letters\./).waitFor();
      for (const path of ['/dead-letters/00000000-0000-4000-8000-000000000000', '/dead-letters/x', '/redrives/x']) {
        await openNothing(page, path);
      }
    });
  });

  test.each(widths)('one task at %i px: a mistake in its input stands at its field, a retry with another is seen to its end', async (
    width,
  ) => {
    const { admin, tenant } = await cast(instance);
    const id = await park(engine, admin, { status: 'nonsense' });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/dead-letters/${id}`);
      await heading(page, `Dead letter ${id.slice(0, 8)}`).waitFor();
      const form = page.getByRole('form', { name: 'Input' });
      expect(await form.getByRole('textbox', { name: 'approved_by', exact: true }).getAttribute('placeholder')).toBe('Hidden');
      await tabTo(page, 'textbox', 'risk_score');
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('high');
      await press(page, 'button', 'Retry');
      const alert = page.getByRole('alert');
      await alert.getByRole('heading', { level: 2, name: 'There is a problem' }).waitFor();
      expect(await alert.evaluate((element) => element.matches(':focus'))).toBe(true);
      expect(await page.title()).toBe(`Error: Dead letter ${id.slice(0, 8)} - Gangway`);
      const field = form.getByRole('textbox', { name: 'risk_score' });
      expect(await field.getAttribute('aria-invalid')).toBe('true');
      const described = await field.getAttribute('aria-describedby') ?? '';
      const link = alert.getByRole('link').first();
      expect(await page.locator(`#${described}`).textContent()).toBe(await link.textContent());
      expect((await retriesOf(admin, id)).manual_retries).toBe(0);
      await press(page, 'link', await link.textContent() ?? '');
      expect(await field.evaluate((element) => element.matches(':focus'))).toBe(true);
      await page.keyboard.press('ControlOrMeta+a');
      await page.keyboard.type('0.25');
      await tabTo(page, 'combobox', 'status');
      await page.keyboard.type('rejected');
      const changes = page.getByRole('region', { name: 'Changes to the input' });
      expect((await changes.locator('dt').allTextContents()).toSorted()).toEqual(['risk_score', 'status']);
      await tabTo(page, 'textbox', 'Reason');
      await page.keyboard.type('the input was wrong');
      await press(page, 'button', 'Retry');
      await page.getByText('completed', { exact: true }).waitFor();
      await page.getByRole('status').getByText(/done/).waitFor();
      const attempts = page.getByRole('list', { name: 'Attempts' }).getByRole('listitem');
      const task = await retriesOf(admin, id);
      expect(task).toMatchObject({ status: 'completed', amended: true, manual_retries: 1 });
      await until('every attempt is shown', async () => (await attempts.count()) === task.retry_history.length);
      expect(await page.getByRole('button', { name: 'Retry' }).count()).toBe(0);
      const { body: { results: [entry] } } = await admin.get('/admin/audit/?action=dlq.retry');
      expect(entry).toMatchObject({ actor: 'dee', reason: 'the input was wrong', details: { amended: true } });
    }, { width });
  });

  test('two quick clicks on Retry are one retry', async () => {
    const { admin, tenant } = await cast(instance);
    const id = await park(engine, admin, { status: 'nonsense' });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/dead-letters/${id}`);
      const sent: string[] = [];
      page.on('request', (request) => { if (request.method() === 'POST') sent.push(request.url()); });
      await page.getByRole('button', { name: 'Retry', exact: true }).dblclick();
      await page.getByRole('status').getByText('It failed again').waitFor();
      expect([sent.length, (await retriesOf(admin, id)).manual_retries]).toEqual([1, 1]);
    });
  });

  test('one is discarded with a reason and not without; Escape leaves it, and the focus is back where it was', async () => {
    const { admin, tenant } = await cast(instance);
    const id = await park(engine, admin);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/dead-letters/${id}`);
      await press(page, 'button', 'Discard');
      const dialog = page.getByRole('dialog', { name: 'Discard this task?' });
      await dialog.waitFor();
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await page.locator('button:focus', { hasText: 'Discard' }).waitFor();
      await page.keyboard.press('Enter');
      await dialog.getByRole('button', { name: 'Discard' }).focus();
      await page.keyboard.press('Enter');
      await dialog.getByRole('alert').getByRole('link', { name: 'Enter a reason' }).waitFor();
      await dialog.locator('[role=alert]:focus').waitFor();
      await page.keyboard.press('Tab');
      await page.keyboard.press('Enter');
      await dialog.locator('textarea:focus, input:focus').waitFor();
      await page.keyboard.type('nobody needs it');
      await page.keyboard.press('Enter');
      await page.getByText('discarded', { exact: true }).waitFor();
      expect(await retriesOf(admin, id)).toMatchObject({ status: 'discarded', discarded: { actor: 'dee', reason: 'nobody needs it' } });
    });
  });

  test('some of a group are retried, or all of it discarded, and the list shows it at once', async () => {
    const { admin, tenant } = await cast(instance);
    const ids = [await park(engine, admin), await park(engine, admin), await park(engine, admin, { status: 'nonsense' })];
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/dead-letters?fingerprint=f-1');
      for (const id of ids.slice(0, 2)) await press(page, 'checkbox', `Select ${id}`, 'Space');
      await press(page, 'button', 'Retry…');
      await page.getByRole('dialog', { name: 'Retry 2 tasks?' }).getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('the target is back');
      await page.keyboard.press('Enter');
      await page.getByRole('status').getByText('2 tasks retried.').waitFor();
      await page.getByRole('checkbox', { name: 'Select all 1 matching' }).waitFor();
      await press(page, 'checkbox', 'Select all 1 matching', 'Space');
      await press(page, 'button', 'Discard…');
      await page.getByRole('dialog', { name: 'Discard 1 task?' }).getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('it stays wrong');
      await page.keyboard.press('Enter');
      await page.getByText(/^No dead letters/).waitFor();
      const { body: { results } } = await admin.get('/admin/dlq/tasks/?status=discarded');
      expect(results.map(({ task_id: id }: Body) => id)).toEqual(ids.slice(2));
    });
  });
});

describe('a group that is retried', () => {
  test.each(widths)('at %i px goes canary first, is paused and goes on by keys, and its numbers are the API\'s, live', async (width) => {
    const { admin, tenant } = await cast(instance);
    await parkAll(engine, admin, 30, { fingerprint: 'f-g' });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/dead-letters');
      await press(page, 'button', 'Retry group…');
      const dialog = page.getByRole('dialog', { name: 'Retry 30 tasks?' });
      for (const [name, value] of [['Canary', '10'], ['Stop at', '40 %'], ['Rate', '4'], ['Reason', 'try']] as const) {
        await tabTo(page, 'textbox', name);
        await page.keyboard.press('ControlOrMeta+a');
        await page.keyboard.type(value);
      }
      await dialog.getByRole('textbox', { name: 'Reason' }).press('Enter');
      await heading(page, /^Redrive [0-9a-f]{8}$/).waitFor();
      await press(page, 'button', 'Pause');
      await page.getByRole('button', { name: 'Continue' }).waitFor();
      const id = new URL(page.url()).pathname.split('/')[2] ?? '';
      const redrive = async (): Promise<Body> => (await admin.get(`/admin/dlq/redrives/${id}/`)).body;
      expect(await redrive()).toMatchObject({ status: 'paused', matched: 30, canary: 10 });
      await until('the page has the numbers of the API', async () => {
        const { succeeded, failed, remaining } = await redrive();
        return await page.getByText(`${succeeded} ok, ${failed} failed, ${remaining} left`, { exact: true }).count() === 1;
      });
      await press(page, 'button', 'Continue');
      await page.getByText('30 ok, 0 failed, 0 left').waitFor();
      expect(await redrive()).toMatchObject({ status: 'completed', succeeded: 30, failed: 0, remaining: 0 });
      for (const [name, value] of [['Canary', 10], ['All', 30]] as const) {
        expect(await page.getByRole('progressbar', { name,
          exact: true }).evaluate((bar) => (bar as unknown as { readonly value: number }).value)).toBe(value);
      }
      await page.getByRole('status').getByText('Done.').waitFor();
    }, { width });
  });

  test('is aborted with a reason; the dialog says what stays sent', async () => {
    const { admin, tenant } = await cast(instance);
    await parkAll(engine, admin, 3);
    const { body: { redrive_id: id } } = await admin.post('/admin/dlq/redrives/', {
      filter: { fingerprint: 'f-1' }, reason: 'slowly', rate_per_second: 0.01,
    });
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, `/redrives/${id}`);
      await page.getByText('1 ok, 0 failed, 2 left').waitFor();
      await press(page, 'button', 'Abort');
      const dialog = page.getByRole('dialog', { name: 'Abort this redrive?' });
      await dialog.getByText('1 already sent stay sent').waitFor();
      await dialog.getByRole('textbox', { name: 'Reason' }).focus();
      await page.keyboard.type('enough');
      await page.keyboard.press('Enter');
      await page.getByText(/^Aborted\./).first().waitFor();
      expect((await admin.get(`/admin/dlq/redrives/${id}/`)).body.status).toBe('aborted');
    });
  });

  test('is followed by a stream that ends with it, and to a reader who has its end says that nothing more comes', async () => {
    const { admin, tenant } = await cast(instance);
    await parkAll(engine, admin, 3);
    const { body: { redrive_id: id } } = await admin.post('/admin/dlq/redrives/', {
      filter: { fingerprint: 'f-1' }, reason: 'slowly', rate_per_second: 1,
    });
    const address = `${instance.url}${base}/admin/dlq/redrives/${id}/events/`;
    const headers = { authorization: `Bearer ${await tokenFor(instance, tenant, 'dee', ['admin'])}` };
    const reader = await openStream(address, headers);
    await until('the stream has ended', () => reader.ended());
    const left = reader.events.map(({ data }) => data.remaining as number);
    expect(left.length).toBeGreaterThan(1);
    expect(left).toEqual(left.toSorted((a, b) => b - a));
    expect(reader.events.at(-1)).toMatchObject({ name: 'redrive', data: { redrive_id: id, status: 'completed', succeeded: 3,
      remaining: 0 } });
    const last = [...reader.text().matchAll(/^id: (.+)$/gm)].at(-1)?.[1] ?? '';
    const again = await openStream(address, { ...headers, 'last-event-id': last });
    expect(again.status).toBe(204);
    again.close();
    const stranger = await openStream(address, { authorization: `Bearer ${await tokenFor(instance, newTenant(), 'dee', ['admin'])}` });
    expect(stranger.status).toBe(404);
    stranger.close();
  });
});

describe('every page', () => {
  test('shows what others wrote as text, and nothing of it runs', async () => {
    const { admin, tenant } = await cast(instance);
    const message = corpus.join(' ');
    const id = await park(engine, admin, { fingerprint: '<b>f</b>', message, status: corpus[0] ?? '' });
    await admin.post(`/admin/dlq/tasks/${id}/retry/`, { reason: message });
    await until('it failed again', async () => (await retriesOf(admin, id)).status === 'parked' && (await retriesOf(admin,
      id)).manual_retries === 1);
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, tenant, 'dee', 'admin');
      await open(page, '/dead-letters');
      await page.locator('tr[data-id] a').first().click();
      await page.getByRole('checkbox', { name: /Select all/ }).waitFor();
      await page.getByRole('link', { name: id }).click();
      await page.getByRole('list', { name: 'Attempts' }).getByText(corpus[0] ?? '').first().waitFor();
      await open(page, `/sign-in?next=${encodeURIComponent(message)}&lang=${encodeURIComponent('"><script>')}`);
      expect(await page.evaluate('window.ran')).toBeUndefined();
    });
  });

  test.each(directions)('is, %s, clear to axe and never wider than its window', async (_, language) => {
    const { admin, tenant } = await cast(instance);
    const id = await park(engine, admin, { status: 'nonsense', message: `The change target failed: ${'x'.repeat(80)}` });
    const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', {
      filter: { fingerprint: 'f-2' }, reason: 'nothing matches',
    });
    await walking(async (viewed, look) => {
      const { page } = viewed;
      await open(page, `/sign-in${language}`);
      expect(await page.locator('html').evaluate((html) => html.dir)).toBe(language === '' ? 'ltr' : 'rtl');
      await page.keyboard.press('Tab');
      await page.getByRole('textbox').fill('nonsense');
      await page.getByRole('button', { name: 'Sign in' }).click();
      await page.getByRole('alert').waitFor();
      await look('sign-in');
      await as(viewed, tenant, 'dee', 'admin');
      for (const path of ['/dead-letters', '/dead-letters?fingerprint=f-1', '/dead-letters?fingerprint=none', `/redrives/${redrive}`,
        '/audit']) {
        await open(page, `${path}${language.replace('?', path.includes('?') ? '&' : '?')}`);
        await look(path);
      }
      await open(page, `/dead-letters${language}`);
      await page.getByRole('button', { name: 'Retry group…' }).click();
      await page.getByRole('dialog').getByRole('button', { name: 'Retry' }).click();
      await page.getByRole('dialog').getByRole('alert').waitFor();
      await look('dialog');
      await open(page, `/dead-letters/${id}${language}`);
      await page.getByRole('textbox', { name: 'risk_score' }).fill('high');
      await page.getByRole('button', { name: 'Retry', exact: true }).click();
      await page.getByRole('alert').waitFor();
      await look('task');
      await page.getByRole('button', { name: 'dee' }).click();
      await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
      await look('shortcuts');
    });
  });

  test('listens to one key outside fields, unless that is turned off, which stays so', async () => {
    await viewing(async (viewed) => {
      const { page } = viewed;
      await as(viewed, newTenant(), 'dee', 'admin');
      await open(page, '/audit');
      await page.keyboard.press('g');
      await page.keyboard.press('d');
      await heading(page, 'Dead letters').waitFor();
      await page.keyboard.press('?');
      const dialog = page.getByRole('dialog', { name: 'Keyboard shortcuts' });
      await press(page, 'checkbox', 'Use keyboard shortcuts', 'Space');
      await page.keyboard.press('Escape');
      await dialog.waitFor({ state: 'detached' });
      await open(page, '/audit');
      await page.keyboard.press('?');
      await page.keyboard.press('g');
      await page.keyboard.press('d');
      expect([await dialog.count(), await heading(page, /./).textContent()]).toEqual([0, 'Not found']);
    });
  });
});
