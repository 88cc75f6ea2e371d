/** What stands around every page of the chat. */
import type { ComponentChildren } from 'preact';
import { useLayoutEffect } from 'preact/hooks';
import { zone } from '../parts/time.tsx';
import { words } from './words.ts';

interface FrameProps {
  readonly title: string;
  readonly isBusy?: boolean;
  /** The one live text, where the page has none of its own. */
  readonly status?: ComponentChildren;
  readonly children: ComponentChildren;
}

/** What stands around: the way past it, whose page it is, and the one heading. */
export function Frame({ title, isBusy = false, status, children }: FrameProps) {
  useLayoutEffect(() => { document.title = `${title} - Gangway`; }, [title]);
  const { value: w } = words;
  return (
    <div class="shell alone chat">
      <a class="skip" href="#main" onClick={(event) => {
        // the fragment of an address is for links that lead in
        event.preventDefault();
        document.getElementById('main')?.focus();
      }}>{w.skipLink}</a>
      <header><span class="brand">Gangway</span></header>
      <nav aria-label={w.menu} />
      <main id="main" tabIndex={-1} aria-busy={isBusy}>
        <h1>{title}</h1>
        {status ?? <div role="status" class="unseen" />}
        {children}
      </main>
      <footer>{w.zone(zone)}</footer>
    </div>
  );
}
