/** The words of the page. Those of the flow come with it; these follow `?lang=`, else the session. */
import { signal } from '@preact/signals';
import { english, type Words } from './words/en.ts';

const others: Readonly<Record<string, () => Promise<Words>>> = {
  hi: async () => (await import('./words/hi.ts')).hindi,
  es: async () => (await import('./words/es.ts')).spanish,
};
const rightToLeft = new Set(['ar', 'fa', 'he', 'ur']);

export const words = signal<Words>(english);

/** `?lang=`; null: the address does not say. */
export function askedLanguage(): string | null {
  const language = new URLSearchParams(location.search).get('lang');
  return language !== null && /^[a-z]{2,3}(-[A-Za-z0-9]{2,8})?$/.test(language) ? language : null;
}

/** In which the page is: direction too. What has no words here is said in English, and marked as that. */
export async function speak(language: string): Promise<void> {
  const [first = 'en'] = language.split('-');
  const load = others[first];
  words.value = load === undefined ? english : await load().catch(() => english);
  document.documentElement.lang = language;
  document.documentElement.dir = rightToLeft.has(first) ? 'rtl' : 'ltr';
  if (words.value.tag === first) document.body.removeAttribute('lang');
  else document.body.lang = words.value.tag;
}
