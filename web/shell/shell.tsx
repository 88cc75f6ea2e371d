/** What stands around every page: the way past it, who is here, where one can go, and the one live text. */
import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useLocation } from 'preact-iso';
import { questions, useAct } from '../client/asking.ts';
import type { Who } from '../client/contract.ts';
import { request } from '../client/request.ts';
import { ActButton } from '../parts/buttons.tsx';
import { zone } from '../parts/time.tsx';
import { KeysDialog, useKeys } from './keys.tsx';
import { menuOf } from './menu.ts';
import { chooseTheme, theme } from './preferences.ts';
import { said } from './said.ts';
import { who } from './who.ts';

interface ShellProps { readonly person: Who | null; readonly children: ComponentChildren }

export function Shell({ person, children }: ShellProps) {
  const [isExplaining, setExplaining] = useState(false);
  const places = person === null ? [] : menuOf(person);
  useKeys(places, () => { setExplaining(true); });
  return (
    <div class={person === null ? 'shell alone' : 'shell'}>
      <a class="skip" href="#main">Skip to content</a>
      <header>
        <a class="brand" href="/">Gangway</a>
        {person === null || person.sub === '' ? null : <PersonMenu person={person} onKeys={() => { setExplaining(true); }} />}
      </header>
      <Menu places={places} />
      {children}
      <footer>Times are in {zone}.</footer>
      <p role="status" class="said">{said.value}</p>
      {isExplaining ? <KeysDialog places={places} onClose={() => { setExplaining(false); }} /> : null}
    </div>
  );
}

/** Of whoever may go nowhere it is there, and empty. */
function Menu({ places }: { readonly places: readonly { readonly path: string; readonly name: string }[] }) {
  const { path } = useLocation();
  return (
    <nav aria-label="Main">
      {places.length === 0 ? null : (
        <ul role="list">
          {places.map((place) => (
            <li key={place.path}>
              <a
                href={place.path}
                aria-current={path === place.path ? 'page' : path.startsWith(`${place.path}/`) ? 'true' : undefined}
              >{place.name}</a>
            </li>
          ))}
        </ul>
      )}
    </nav>
  );
}

function PersonMenu({ person, onKeys }: { readonly person: Who; readonly onKeys: () => void }) {
  const signOut = useAct(async () => {
    await request('DELETE', '/console/session/');
    questions.clear();
    who.value = null;
  });
  const isDark = theme.value === 'dark';
  return (
    <div class="person">
      <span class="quiet tenant">{person.tenant}</span>
      <button type="button" popovertarget="person-menu">{person.sub}</button>
      <div id="person-menu" popover="auto">
        <label class="check">
          <input type="checkbox" checked={isDark} onChange={() => { chooseTheme(isDark ? 'light' : 'dark'); }} />
          Dark colours
        </label>
        <button
          type="button" popovertarget="person-menu" popovertargetaction="hide"
          onClick={onKeys}
        >Keyboard shortcuts</button>
        <ActButton act={signOut} words={['Sign out', 'Signing out…']} />
      </div>
    </div>
  );
}
