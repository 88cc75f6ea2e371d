/**
 * npm run screenshots: every page of console and chat as a browser shows it, light and dark, wide and narrow, into .local/pictures; and
 * those that the documents show, into docs/pictures. From a service of its own, with people who onboard, wait, and fail.
 */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import sharp from 'sharp';
import { optionsOrEnd } from '../../scripts/arguments.ts';
import { heading, open, startBrowser, view, signIn } from './browser.ts';
import { newFolder, root } from './folders.ts';
import { discard, startInstance, type Instance } from './instance.ts';
import { engineOf, park } from './parking.ts';
import { pendingSecond } from './pending-second.ts';
import { person, proposed, tokenFor, type Body, type Person } from './person.ts';
import { until } from './until.ts';

const everything = join(root, '.local', 'pictures');
const shown = join(root, 'docs', 'pictures');
const tenant = 'acme';
/** Quality of WebP that leaves text sharp, and the most bytes that a picture of the documents may have. */
const [quality, shownBytesMax] = [80, 100_000];

/** A page in a state, and how it is come to. */
interface Scene {
  readonly name: string;
  readonly path: string;
  readonly then?: (page: Page) => Promise<unknown>;
  readonly isSignedOut?: boolean;
  /** Its wide and light picture is one of the documents'. */
  readonly isShown?: boolean;
}

const places = ['Harbour Office', 'North Depot', 'Riverside Works', 'Airport Desk', 'Old Town Clinic', 'Hill Farm', 'South Yard'];
const names = ['asha', 'bram', 'chidi', 'dalia', 'emre', 'farah', 'goran'];
const failures = [
  { count: 12, fingerprint: 'target-503', message: 'The change target answered 503: it is being upgraded' },
  { count: 3, fingerprint: 'target-timeout', message: 'The change target did not answer within 10 s' },
  { count: 1, fingerprint: 'no-status', message: 'The changeset has no status "shelved"', status: 'shelved' },
] as const;

async function people(instance: Instance): Promise<readonly Person[]> {
  return Promise.all(names.map((name) => person(instance, tenant, name, 'user')));
}

/** Sessions at every stage, what waits for one person or two, what was applied, and what failed. */
async function played(instance: Instance): Promise<readonly Scene[]> {
  const [ben, admin] = [await person(instance, tenant, 'ben', 'approver'), await person(instance, tenant, 'dee', 'admin')];
  const onboarding = await people(instance);
  const waiting: string[] = [];
  let applied: Body;
  for (const [at, who] of onboarding.entries()) {
    const answers = { business_unit_name: places[at], expected_users: 12 * (at + 1), contact_email: `${who.subject}@example.org` };
    if (at < 2) {
      const { session_id: id } = await who.start();
      await who.gives(id as string, 'setup_urgency', 'this_week');
      continue;
    }
    const { session, items } = await proposed(who, ben, answers);
    if (at >= 4) waiting.push(session.session_id as string);
    else ({ body: applied } = await ben.post(`/sessions/${session.session_id}/decision/`, { approved_items: items, dry_run: false }));
  }
  const second = await pendingSecond({ ana: await person(instance, tenant, 'hanna', 'user'), ben, admin });
  await until('all that waits is listed', async () => (await ben.get('/approvals/')).body.total === waiting.length + 1);

  const engine = await engineOf(instance);
  const parked: string[] = [];
  for (const { count, ...failure } of failures) {
    for (let at = 0; at < count; at += 1) {
      parked.push(await park(engine, admin, { ...failure, session_id: waiting[at % waiting.length] ?? null }));
    }
  }
  await engine.connection.close();
  const [answering, helped] = onboarding as [Person, Person];
  const { body: { results: [own] } } = await helped.get('/sessions/');
  await helped.post(`/sessions/${own.session_id}/escalate/`, { reason: 'Which of them is it?' });
  const chatOf = async ({ subject }: Person): Promise<string> => (
    `/o/business_unit_setup#t=${await tokenFor(instance, tenant, subject, ['user'])}`
  );
  const [asked, escalated, answered] = await Promise.all([answering, helped, onboarding[4] ?? answering].map(chatOf)) as
    [string, string, string];
  const { body: { redrive_id: redrive } } = await admin.post('/admin/dlq/redrives/', {
    filter: { fingerprint: 'target-timeout' }, reason: 'it answers again', canary: 1, rate_per_second: 0.01,
  });
  await until('the first is through', async () => (await admin.get(`/admin/dlq/redrives/${redrive}/`)).body.succeeded === 1);
  return [
    { name: 'sign-in', path: '/sign-in', isSignedOut: true },
    { name: 'sign-in-refused', path: '/sign-in', isSignedOut: true, then: async (page) => {
      await page.getByRole('textbox', { name: 'Access token' }).fill('nonsense');
      await page.keyboard.press('Enter');
      await page.getByRole('alert').waitFor();
    } },
    { name: 'sessions', path: '/sessions', isShown: true },
    { name: 'sessions-none', path: '/sessions?q=nobody' },
    { name: 'session', path: `/sessions/${waiting[0]}`, isShown: true,
      then: (page) => page.getByRole('region', { name: /^State at version/ }).waitFor() },
    { name: 'session-escalate', path: `/sessions/${waiting[0]}`,
      then: (page) => page.getByRole('button', { name: 'Escalate' }).click() },
    { name: 'approvals', path: '/approvals', isShown: true },
    { name: 'decide', path: `/approvals/${waiting[0]}`, isShown: true, then: async (page) => {
      await page.getByRole('button', { name: 'Approve all' }).click();
      await page.getByRole('radio', { name: 'Reject' }).last().click();
      await page.getByRole('radio', { name: 'Modify' }).first().click();
    } },
    { name: 'decide-preview', path: `/approvals/${waiting[0]}`, then: async (page) => {
      await page.getByRole('button', { name: 'Approve all' }).click();
      await page.getByRole('button', { name: 'Preview' }).click();
      await page.getByRole('region', { name: 'What will happen' }).waitFor();
    } },
    { name: 'decide-dialog', path: `/approvals/${waiting[0]}`, then: async (page) => {
      await page.getByRole('button', { name: 'Approve all' }).click();
      await page.getByRole('button', { name: 'Decide', exact: true }).click();
    } },
    { name: 'decide-second', path: `/approvals/${second.session_id}` },
    { name: 'changeset', path: `/changesets/${applied.changeset_id}` },
    { name: 'dead-letters', path: '/dead-letters', isShown: true },
    { name: 'dead-letters-group', path: '/dead-letters?fingerprint=target-503' },
    { name: 'dead-letters-retry', path: '/dead-letters', then: (page) => (
      page.getByRole('button', { name: 'Retry group…' }).first().click()
    ) },
    { name: 'dead-letter', path: `/dead-letters/${parked.at(-1)}`, isShown: true },
    { name: 'dead-letter-mistake', path: `/dead-letters/${parked.at(-1)}`, then: async (page) => {
      await page.getByRole('textbox', { name: 'risk_score' }).fill('high');
      await page.getByRole('button', { name: 'Retry', exact: true }).click();
      await page.getByRole('alert').waitFor();
    } },
    { name: 'redrive', path: `/redrives/${redrive}`, isShown: true },
    { name: 'shortcuts', path: '/dead-letters', then: async (page) => {
      await page.getByRole('button', { name: 'dee' }).click();
      await page.getByRole('button', { name: 'Keyboard shortcuts' }).click();
    } },
    { name: 'not-found', path: '/dead-letters/nowhere' },
    { name: 'chat', path: asked, isSignedOut: true },
    { name: 'chat-mistake', path: asked, isSignedOut: true, then: async (page) => {
      await page.getByRole('button', { name: 'Send' }).click();
      await page.getByRole('alert').waitFor();
    } },
    { name: 'chat-saved', path: asked, isSignedOut: true, then: async (page) => {
      await page.getByRole('button', { name: 'Save and continue later' }).click();
      await page.getByRole('dialog').waitFor();
    } },
    { name: 'chat-colleague', path: escalated, isSignedOut: true },
    { name: 'chat-answered', path: answered, isSignedOut: true },
    { name: 'chat-change', path: answered, isSignedOut: true, then: async (page) => {
      await page.getByRole('button', { name: /^Change Which level/ }).click();
      await page.getByRole('dialog').waitFor();
    } },
    { name: 'chat-nobody', path: '/o/', isSignedOut: true },
  ];
}

async function picture(browser: Browser, instance: Instance, scene: Scene, width: number, dark: boolean): Promise<void> {
  const viewed = await view(browser, instance.url, { width, dark });
  try {
    if (scene.isSignedOut !== true) await signIn(viewed, await tokenFor(instance, tenant, 'dee', ['admin']));
    await open(viewed.page, scene.path);
    await heading(viewed.page, /./).waitFor();
    await scene.then?.(viewed.page);
    const name = `${scene.name}-${width}-${dark ? 'dark' : 'light'}`;
    // what a dialog stands before is as large as the window
    const png = await viewed.page.screenshot({ fullPage: await viewed.page.getByRole('dialog').count() === 0 });
    await writeFile(join(everything, `${name}.png`), png);
    if (scene.isShown !== true || dark || width < 1_000) return;
    const webp = await sharp(png).webp({ quality }).toBuffer();
    if (webp.length > shownBytesMax) throw new Error(`${name} has ${webp.length} bytes, more than ${shownBytesMax}.`);
    await writeFile(join(shown, `${scene.name}.webp`), webp);
  } finally {
    await viewed.context.close();
  }
}

optionsOrEnd('Usage: npm run screenshots\n  Takes no arguments. Starts a Gangway of its own.', {});
const instance = await startInstance(await newFolder(), { GANGWAY_DLQ_RECONCILE_SECONDS: '86400' });
try {
  const browser = await startBrowser();
  const scenes = await played(instance);
  await rm(everything, { recursive: true, force: true });
  await Promise.all([everything, shown].map((folder) => mkdir(folder, { recursive: true })));
  for (const scene of scenes) {
    for (const width of [1_280, 360]) {
      for (const dark of [false, true]) await picture(browser, instance, scene, width, dark);
    }
    process.stdout.write(`${scene.name}\n`);
  }
  await browser.close();
} finally {
  await discard(instance);
}
