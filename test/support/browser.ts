/** Debian's Chromium, driven as a person drives it, and what is looked at on every page of ours. */
import { execFile } from 'node:child_process';
import { access, readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { promisify } from 'node:util';
import { chromium, type Browser, type BrowserContext, type Locator, type Page } from 'playwright-core';
import { until } from './until.ts';

const program = '/usr/bin/chromium';
const installMs = 600_000;
/** As `until` waits: a machine that is busy with something else shows a page late. */
const waitMs = 120_000;

/** Started once for a test file. Where there is no Chromium it is installed, which takes a minute and needs root. `more`: its arguments. */
export async function startBrowser(more: readonly string[] = []): Promise<Browser> {
  await access(program).catch(installChromium);
  // tests run as root, which has no sandbox; /dev/shm is small in containers
  return chromium.launch({ executablePath: program, args: ['--no-sandbox', '--disable-dev-shm-usage', ...more] });
}

async function installChromium(): Promise<void> {
  const run = promisify(execFile);
  const wait = ['-o', 'DPkg::Lock::Timeout=300'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await run('apt-get', [...wait, 'update'], { timeout: installMs, env });
  await run('apt-get', [...wait, 'install', '-y', '--no-install-recommends', 'chromium', 'fonts-liberation'], { timeout: installMs, env });
}

export interface Viewing {
  readonly context: BrowserContext;
  readonly page: Page;
  /** What must not happen on any page: requests to elsewhere, broken content policy, errors of scripts. */
  readonly faults: string[];
}

export interface ViewingOptions {
  readonly width?: number;
  readonly dark?: boolean;
  /** Of IANA, that the browser is in. */
  readonly zone?: string;
}

/** Of windows that whatever is done by keys is done in: a screen on a desk, and one in a hand. */
export const widths = [1_280, 360] as const;

/** Where the same moment is on two days. */
export const zones = ['Asia/Tokyo', 'America/Los_Angeles'] as const;

/** A browser profile of its own, with its first page. */
export async function view(browser: Browser, url: string, { width = 1280, dark = false, zone }: ViewingOptions = {}): Promise<Viewing> {
  const context = await browser.newContext({
    baseURL: url, viewport: { width, height: 800 }, colorScheme: dark ? 'dark' : 'light', locale: 'en-GB', reducedMotion: 'reduce',
    ...(zone === undefined ? {} : { timezoneId: zone }),
  });
  context.setDefaultTimeout(waitMs);
  const faults: string[] = [];
  const { origin } = new URL(url);
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== origin) faults.push(`a request to ${request.url()}`);
  });
  context.on('weberror', (error) => { faults.push(`an error: ${error.error().message}`); });
  context.on('console', (message) => {
    if (/Content Security Policy|Trusted ?Type/i.test(message.text())) faults.push(message.text());
  });
  return { context, page: await context.newPage(), faults };
}

/** The console in a session of its own, by the cookie. */
export async function signIn({ context }: Viewing, token: string): Promise<void> {
  const reply = await context.request.post('/api/v1/onboarding/console/session/', { data: { token } });
  if (reply.status() !== 204) throw new Error(`Signing in: ${reply.status()} ${await reply.text()}`);
}

/** The first data of a page are there. */
export async function settled(page: Page): Promise<void> {
  await page.locator('main[aria-busy=false]').waitFor();
}

export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await settled(page);
}

/** What is at the address is not found. A busy engine may answer 503 first, as it does to people. */
export async function openNothing(page: Page, path: string): Promise<void> {
  await until(`${path} is not found`, async () => {
    await open(page, path);
    return await heading(page, 'Not found').count() === 1;
  });
}

/** Presses Tab until something is focused. As a person does who has no mouse. */
export async function tabTo(page: Page, role: Parameters<Page['getByRole']>[0], name: string | RegExp): Promise<void> {
  const wanted = page.getByRole(role, { name, exact: true }).first();
  for (let presses = 0; presses < 100; presses += 1) {
    if (await wanted.evaluate((element) => element === element.ownerDocument.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`${role} ${String(name)} is not reached by Tab.`);
}

const axeSource = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** What axe finds, and landmarks that are not there once, a line each. */
async function axe(page: Page): Promise<readonly string[]> {
  if (await page.evaluate<boolean>('!("axe" in window)')) await page.evaluate(axeSource);
  const found = await page.evaluate<string[]>(`axe.run(document).then(({ violations }) => violations.flatMap(({ id, nodes }) => (
    nodes.map(({ target, failureSummary }) => id + ' ' + target.join(' ') + ': ' + failureSummary))))`);
  const landmarks = await page.evaluate<string[]>(`['header', 'nav[aria-label]', 'main'].filter((each) => (
    document.querySelectorAll('.shell > ' + each).length !== 1))`);
  return [...found, ...landmarks.map((each) => `there is not one ${each}`)];
}

/** Wider than the window it is in: it would have to be pushed sideways. */
async function isTooWide(page: Page): Promise<boolean> {
  return page.evaluate<boolean>('document.scrollingElement.scrollWidth > innerWidth');
}

/** Colours and widths that a state is looked at in. Whoever looks in both directions has seen every two of colour, width and direction. */
const appearances = { ltr: [['light', 1_280], ['dark', 360]], rtl: [['dark', 1_280], ['light', 360]] } as const;

/** What is wrong with a state of a page, as it may appear. It stays as it appeared last. */
export async function looked(page: Page, what: string): Promise<string[]> {
  const found: string[] = [];
  const direction = await page.evaluate<keyof typeof appearances>('document.documentElement.dir');
  for (const [colorScheme, width] of appearances[direction]) {
    await page.emulateMedia({ colorScheme });
    await page.setViewportSize({ width, height: 800 });
    await page.locator(`html[data-theme=${colorScheme}]`).waitFor();
    const where = `${what}, ${direction}, ${colorScheme}, ${width} px`;
    found.push(...(await axe(page)).map((each) => `${where}: ${each}`), ...await isTooWide(page) ? [`${where}: too wide`] : []);
  }
  return found;
}

/** Somebody sees it: all of it is in the window, and nothing lies over it. */
export async function isInView(thing: Locator): Promise<boolean> {
  return thing.evaluate((element) => {
    const { left, right, top, bottom } = element.getBoundingClientRect();
    // within corners that are round
    const [near, far, high, low] = [left + 8, right - 8, top + 8, bottom - 8];
    return [[near, high], [far, high], [(near + far) / 2, (high + low) / 2], [near, low], [far, low]].every(([x, y]) => (
      element.contains(element.ownerDocument.elementFromPoint(x ?? 0, y ?? 0))
    ));
  });
}

/** As addresses say it: the page's own language, and one that is read from right to left. */
export const directions = [['left to right', ''], ['right to left', '?lang=ar']] as const;

export const heading = (page: Page, name: string | RegExp) => page.getByRole('heading', { level: 1, name });

/** By keys alone. */
export async function press(page: Page, role: 'button' | 'link' | 'checkbox' | 'radio', name: string | RegExp,
  key = 'Enter'): Promise<void> {
  await tabTo(page, role, name);
  await page.keyboard.press(key);
}

/** What would run, were it ever taken for more than text. */
export const hostileTexts = [
  '<img src=x onerror="window.ran=1">', '<script>window.ran=1</script>', '"><svg onload=window.ran=1>', 'javascript:window.ran=1',
  '{{constructor.constructor("window.ran=1")()}}', '\u202Ereversed', '</textarea><script>window.ran=1</script>',
] as const;
