/** Another answer to a question that was answered: first what it leads to, then the change. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AskedQuestion } from '../client/contract.ts';
import { ErrorSummary, type FieldError } from '../parts/alerts.tsx';
import { Dialog } from '../parts/dialog.tsx';
import type { Chat } from './chat.ts';
import { Control, promptOf } from './control.tsx';
import { draftOf, saidBy, type Draft } from './draft.ts';
import { consequences } from './given.ts';
import { focusIn } from './question.tsx';
import { words } from './words.ts';

interface ChangeProps { readonly chat: Chat; readonly question: AskedQuestion; readonly onClose: () => void }

export function ChangeDialog({ chat, question, onClose }: ChangeProps) {
  const id = `c-${question.id}`;
  const { value: w } = words;
  const [draft, setDraft] = useState<Draft>(() => draftOf(question, chat.standing.value[question.id] ?? null));
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const [isUnderWay, setUnderWay] = useState(false);
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => { focusIn(box.current); }, []);
  const said = saidBy(question, draft);
  // words are read for the question that is asked now: to any other they are what was typed
  const value = said === null ? null : 'value' in said ? said.value : said.text;
  const { asked, aside } = consequences(chat.texts.questions, chat.standing.value, { question_id: question.id, value });
  const change = async (): Promise<void> => {
    if (isUnderWay) return;
    // without another file the one that is there stays
    if (said === null && question.type === 'file') {
      onClose();
      return;
    }
    if (value === null && question.required) {
      setErrors([{ field: id, message: w.enter }]);
      return;
    }
    setUnderWay(true);
    await chat.give(question, { value });
    setUnderWay(false);
    const refused = chat.refused.value;
    if (refused === null || refused.question_id !== question.id) onClose();
    else setErrors([{ field: id, message: refused.problem.message }]);
  };
  return (
    <Dialog title={w.changeTitle} onClose={onClose}>
      <form
        ref={box} noValidate aria-labelledby={promptOf(id)}
        onSubmit={(event) => {
          event.preventDefault();
          void change();
        }}
      >
        {errors.length > 0 ? <ErrorSummary errors={errors} title={w.problem} /> : null}
        <div lang={chat.texts.language}>
          <Control
            id={id} question={question} draft={draft} onDraft={setDraft} errors={errors}
            files={{ request: chat.request, sessionId: chat.id }}
          />
        </div>
        <div aria-live="polite" class="consequences">
          {asked.length === 0 ? <p class="quiet">{w.nothingAgain}</p> : (
            <>
              <p id={`${id}-again`}>{w.askedAgain}</p>
              <ul aria-labelledby={`${id}-again`} lang={chat.texts.language}>
                {asked.map(({ id: each, prompt }) => <li key={each}>{prompt}</li>)}
              </ul>
            </>
          )}
          {aside.length === 0 ? null : <p class="quiet">{w.setAside(aside.map(({ prompt }) => prompt).join(' · '))}</p>}
        </div>
        <div class="actions">
          <button type="submit" class="main" aria-disabled={isUnderWay}>{isUnderWay ? w.changing : w.change}</button>
          <button type="button" onClick={onClose}>{w.keep}</button>
        </div>
      </form>
    </Dialog>
  );
}
