/** The platform's own dialog: named by its heading, closed by Escape and Cancel, and the focus goes back to where it was. */
import type { ComponentChildren } from 'preact';
import { useEffect, useId, useRef } from 'preact/hooks';
import type { Act } from '../client/asking.ts';
import { ErrorSummary, ProblemAlert, type FieldError } from './alerts.tsx';
import { ActButton } from './buttons.tsx';

interface DialogProps {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
}

export function Dialog({ title, onClose, children }: DialogProps) {
  const box = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    const dialog = box.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={box} aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <h2 id={id}>{title}</h2>
      {children}
    </dialog>
  );
}

interface AskingProps extends DialogProps {
  readonly act: Act;
  /** Of the button that does it: at rest, and while it is under way. */
  readonly words: readonly [rest: string, busy: string];
  readonly errors: readonly FieldError[];
  readonly isGrave?: boolean;
  readonly onSubmit: () => void;
}

/** A dialog with a form and the one act that it is about. */
export function ActDialog({ title, onClose, act, words, errors, isGrave = false, onSubmit, children }: AskingProps) {
  return (
    <Dialog title={title} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          onSubmit();
        }}
      >
        {errors.length > 0 ? <ErrorSummary errors={errors} /> : act.problem === null ? null : <ProblemAlert problem={act.problem} />}
        {children}
        <div class="actions">
          <ActButton act={act} words={words} type="submit" kind={isGrave ? 'grave' : 'main'} />
          <button type="button" onClick={onClose}>Cancel</button>
        </div>
      </form>
    </Dialog>
  );
}
