/** What a list is narrowed to. It stands in the address, so that a view can be sent to somebody. */
import type { ComponentChildren } from 'preact';
import { useLocation } from 'preact-iso';
import { query } from '../client/request.ts';
import { say } from '../shell/said.ts';

type Given = Readonly<Record<string, string | undefined>>;

interface FiltersProps {
  readonly path: string;
  /** What is in force. */
  readonly given: Given;
  /** What stands in a control and not yet in the address. */
  readonly onClear?: () => void;
  readonly children: ComponentChildren;
}

export function Filters({ path, given, onClear, children }: FiltersProps) {
  const { route } = useLocation();
  const view = `${path}${query(given)}`;
  return (
    <div role="search" aria-label="Filters" class="filters">
      {children}
      <div class="actions">
        <button type="button" onClick={() => { onClear?.(); route(path); }}>Clear filters</button>
        <a
          href={view}
          onClick={(event) => {
            event.preventDefault();
            event.stopPropagation();
            void copyText(new URL(view,
              location.origin).href).then((isCopied) => { say(isCopied ? 'Copied.' : 'Copying is not allowed here.'); });
          }}
        >Copy link to this view</a>
      </div>
    </div>
  );
}

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

interface ChoiceFilterProps {
  readonly id: string;
  readonly label: string;
  readonly value: string;
  readonly choices: readonly (readonly [value: string, text: string])[];
  readonly onChange: (value: string) => void;
}

export function ChoiceFilter({ id, label, value, choices, onChange }: ChoiceFilterProps) {
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <select id={id} value={value} onChange={(event) => { onChange(event.currentTarget.value); }}>
        {choices.map(([each, text]) => <option key={each} value={each}>{text}</option>)}
      </select>
    </div>
  );
}
