/**
 * Lighthouse, fetched once into .local/tools: it brings 114 packages and 176 MB, which nobody needs who only runs or tests the project.
 * Its scripts of installation are not run, and it reports nothing to its makers unless it is told to.
 */
import { execFile } from 'node:child_process';
import { access, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const version = '13.5.0';
const folder = join(import.meta.dirname, '..', '..', '.local', 'tools', `lighthouse-${version}`);
const modules = join(folder, 'node_modules', 'lighthouse');
const installMs = 300_000;

export const categories = ['performance', 'accessibility', 'best-practices', 'seo'] as const;
export type Category = (typeof categories)[number];
export const forms = ['mobile', 'desktop'] as const;
export type Form = (typeof forms)[number];

/** By the names that Lighthouse gives them, with their units: milliseconds of the simulated machine, or a part of the window. */
export const metrics = {
  'first-contentful-paint': 'ms', 'largest-contentful-paint': 'ms', 'total-blocking-time': 'ms', 'cumulative-layout-shift': '',
} as const;
export type Metric = keyof typeof metrics;
const metricNames = Object.keys(metrics) as readonly Metric[];

export interface Looked {
  /** 0 to 100. */
  readonly scores: Readonly<Record<Category, number>>;
  /** What the speed is judged by. */
  readonly metrics: Readonly<Record<Metric, number>>;
  /** Titles of what cost points. */
  readonly faults: readonly string[];
}

/** What we use of its answer. */
interface Answer {
  readonly lhr: {
    readonly runtimeError?: { readonly message: string };
    readonly categories: Readonly<Record<Category, {
      readonly score: number | null; readonly auditRefs: readonly { readonly id: string; readonly weight: number }[];
    }>>;
    readonly audits: Readonly<Record<string, { readonly title: string; readonly score: number | null; readonly numericValue?: number }>>;
  };
}

type Run = (url: string, flags: object, config?: object) => Promise<Answer | undefined>;

export type Look = (url: string, form: Form, headers: Readonly<Record<string, string>>) => Promise<Looked>;

/** `port`: where a Chromium lets itself be looked into. */
export async function openLighthouse(port: number): Promise<Look> {
  await access(modules).catch(install);
  const { default: run } = await import(join(modules, 'core', 'index.js')) as { readonly default: Run };
  const { default: desktop } = await import(join(modules, 'core', 'config', 'desktop-config.js')) as { readonly default: object };
  return async (url, form, headers) => {
    const flags = { port, logLevel: 'error', onlyCategories: categories, extraHeaders: headers };
    const answer = await run(url, flags, form === 'desktop' ? desktop : undefined);
    if (answer === undefined || answer.lhr.runtimeError !== undefined) {
      throw new Error(`Lighthouse could not look at ${url}: ${answer?.lhr.runtimeError?.message ?? 'no answer'}`);
    }
    return lookedOf(answer);
  };
}

async function install(): Promise<void> {
  await mkdir(folder, { recursive: true });
  await promisify(execFile)('npm', [
    'install', '--prefix', folder, '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', `lighthouse@${version}`,
  ], { timeout: installMs });
}

function lookedOf({ lhr }: Answer): Looked {
  const faulty = categories.flatMap((category) => lhr.categories[category].auditRefs.filter(({ id, weight }) => (
    weight > 0 && (lhr.audits[id]?.score ?? 1) < 0.9
  )));
  return {
    scores: Object.fromEntries(categories.map((category) => [category, Math.round((lhr.categories[category].score ?? 0) * 100)])) as
      Record<Category, number>,
    metrics: Object.fromEntries(metricNames.map((name) => [name, lhr.audits[name]?.numericValue ?? Number.NaN])) as
      Record<Metric, number>,
    faults: [...new Set(faulty.map(({ id }) => lhr.audits[id]?.title ?? id))],
  };
}
