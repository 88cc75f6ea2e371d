/** What a person has set in this browser: colours and keys. Language and direction come with the address. */
import { effect, signal } from '@preact/signals';

const rightToLeft = new Set(['ar', 'fa', 'he', 'ur']);
type Theme = 'light' | 'dark';

const dark = matchMedia('(prefers-color-scheme: dark)');
const kept = (name: string): string | null => {
  try {
    return localStorage.getItem(`gangway.${name}`);
  } catch {
    return null;        // a browser that keeps nothing
  }
};
const keep = (name: string, value: string): void => {
  try {
    localStorage.setItem(`gangway.${name}`, value);
  } catch {
    // it counts until the page is left
  }
};

const chosen = kept('theme');
export const theme = signal<Theme>(chosen === 'light' || chosen === 'dark' ? chosen : dark.matches ? 'dark' : 'light');
export const hasKeys = signal(kept('keys') !== 'off');

export function chooseTheme(value: Theme): void {
  theme.value = value;
  keep('theme', value);
}

export function chooseKeys(on: boolean): void {
  hasKeys.value = on;
  keep('keys', on ? 'on' : 'off');
}

export function applyTheme(): void {
  effect(() => { document.documentElement.dataset['theme'] = theme.value; });
  dark.addEventListener('change', () => {
    if (kept('theme') === null) theme.value = dark.matches ? 'dark' : 'light';
  });
}

export function applyPreferences(): void {
  const { documentElement: html, body } = document;
  const language = new URLSearchParams(location.search).get('lang') ?? 'en';
  const tag = /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$/.test(language) ? language : 'en';
  html.lang = tag;
  html.dir = rightToLeft.has(tag.split('-')[0] ?? '') ? 'rtl' : 'ltr';
  // the words are English until there are others, and are to be read as such
  if (!tag.startsWith('en')) body.lang = 'en';
  applyTheme();
}
