/** A button that sends: it says so until it is answered, and cannot be pressed twice. */
import type { Act } from '../client/asking.ts';

interface ActButtonProps {
  readonly act: Act;
  readonly words: readonly [rest: string, busy: string];
  readonly kind?: 'main' | 'plain' | 'grave';
  /** A submit button leaves the running to its form. */
  readonly type?: 'button' | 'submit';
}

export function ActButton({ act, words: [rest, busy], kind = 'plain', type = 'button' }: ActButtonProps) {
  return (
    <button
      type={type} class={kind} aria-disabled={act.isUnderWay}
      onClick={(event) => {
        if (act.isUnderWay) event.preventDefault();
        else if (type === 'button') act.run();
      }}
    >{act.isUnderWay ? busy : rest}</button>
  );
}
