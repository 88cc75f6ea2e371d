/** One-key shortcuts: never inside a field, and all of them can be turned off (WCAG 2.1.4). */
import { useEffect, useRef } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { Dialog } from '../parts/dialog.tsx';
import type { Place } from './menu.ts';
import { chooseKeys, hasKeys } from './preferences.ts';

type Named = Place & { readonly name: string };

/** How long `g` waits for the letter of a place. */
const chordMs = 1_500;

export function useKeys(places: readonly Named[], onHelp: () => void): void {
  const { route } = useLocation();
  const goingSince = useRef(-Infinity);
  useEffect(() => {
    const pressed = (event: KeyboardEvent): void => {
      if (!hasKeys.value || event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const isGoing = event.timeStamp - goingSince.current < chordMs;
      goingSince.current = -Infinity;
      const place = isGoing ? places.find(({ key }) => key === event.key) : undefined;
      if (place !== undefined) route(place.path);
      else if (event.key === 'g') goingSince.current = event.timeStamp;
      else if (event.key === '?') onHelp();
      else if (event.key === '/') {
        const search = document.querySelector<HTMLInputElement>('input[type=search]');
        if (search === null) return;
        event.preventDefault();
        search.focus();
      }
    };
    addEventListener('keydown', pressed);
    return () => { removeEventListener('keydown', pressed); };
  }, [places, onHelp]);
}

/** A field takes letters, and in an open dialog nothing goes elsewhere. */
function isTyping(target: EventTarget | null): boolean {
  if (document.querySelector('dialog[open]') !== null) return true;
  return target instanceof HTMLElement && (target.isContentEditable || ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName));
}

export function KeysDialog({ places, onClose }: { readonly places: readonly Named[]; readonly onClose: () => void }) {
  const keyed = places.filter(({ key }) => key !== undefined);
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <dl class="keys">
        <div><dt><kbd>/</kbd></dt><dd>Search, where a page has one</dd></div>
        <div><dt><kbd>?</kbd></dt><dd>This list</dd></div>
        {keyed.map(({ key, name }) => <div key={name}><dt><kbd>g</kbd> <kbd>{key}</kbd></dt><dd>{name}</dd></div>)}
      </dl>
      <label class="check">
        <input type="checkbox" checked={hasKeys.value} onChange={(event) => { chooseKeys(event.currentTarget.checked); }} />
        Use keyboard shortcuts
      </label>
      <div class="actions"><button type="button" onClick={onClose}>Close</button></div>
    </Dialog>
  );
}
