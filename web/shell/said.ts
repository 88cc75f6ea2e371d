/** The one polite live text of a page. */
import { signal } from '@preact/signals';

export const said = signal('');

export function say(text: string): void {
  // the same words twice are two messages
  said.value = said.value === text ? `${text}\u00A0` : text;
}
