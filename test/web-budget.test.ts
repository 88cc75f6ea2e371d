/** What a person waits for before a page of ours can be used, as it goes over the wire. */
import { execFile } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { readWebFiles } from '../api/web-pages.ts';
import { webBundle, webSourcesHash } from '../service/web-bundle.ts';
import { newFolder, root } from './support/folders.ts';

const kib = 1_024;
const files = await readWebFiles(await webBundle());

/** By brotli, of all that the page names. */
async function weight(page: string, ending: string): Promise<number> {
  const html = files.get(page)?.bytes.toString('utf8') ?? '';
  const named = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map(([, path]) => path ?? '')
    .filter((path) => path.endsWith(ending));
  expect(named.length).toBeGreaterThan(0);
  return named.reduce((sum, path) => sum + (files.get(path)?.brotli?.length ?? Infinity), 0);
}

test('the console loads at most 70 KiB of script and 15 KiB of style at first', async () => {
  expect(await weight('/index.html', '.js')).toBeLessThanOrEqual(70 * kib);
  expect(await weight('/index.html', '.css')).toBeLessThanOrEqual(15 * kib);
});

test('the chat loads at most 30 KiB of script and 15 KiB of style at first, and nothing of the console beside what both are made of', async () => {
  expect(await weight('/chat.html', '.js')).toBeLessThanOrEqual(30 * kib);
  expect(await weight('/chat.html', '.css')).toBeLessThanOrEqual(15 * kib);
});

test('it is the same whatever the environment of who starts it: nothing in it is for development', async () => {
  const built = await Promise.all(['test', 'production'].map(async (environment) => {
    const folder = join(await newFolder(), 'web');
    await promisify(execFile)(process.execPath, [join(root, 'scripts', 'bundle-web.ts'), folder], {
      env: { ...process.env, NODE_ENV: environment, NODE_OPTIONS: '' },
    });
    // their names hold the hashes of what is in them
    return (await readdir(join(folder, 'assets'))).toSorted();
  }));
  expect(built[0]).toEqual(built[1]);
});

test('it is built once for its sources: the same folder while they are the same', async () => {
  const folder = await webBundle();
  expect(folder).toContain(await webSourcesHash(root));
  expect(await readFile(join(folder, 'index.html'), 'utf8')).toContain('<!doctype html>');
  expect(await webBundle()).toBe(folder);
});
