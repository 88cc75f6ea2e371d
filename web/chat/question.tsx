/** The question that is asked now, and whether what was read of words is right. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { AskedQuestion } from '../client/contract.ts';
import { ErrorSummary, ProblemAlert, type FieldError } from '../parts/alerts.tsx';
import type { Chat, Understood } from './chat.ts';
import { Control, promptOf } from './control.tsx';
import { draftOf, saidBy } from './draft.ts';
import { words } from './words.ts';

/** Refused by the flow's rules, and not for another reason. */
const isMistake = (code: string): boolean => code === 'answer_invalid';

export function QuestionForm({ chat, question }: { readonly chat: Chat; readonly question: AskedQuestion }) {
  const id = `q-${question.id}`;
  const { value: w } = words;
  const suggested = chat.session.value.question?.id === question.id ? chat.session.value.question.suggested : undefined;
  const draft = chat.drafts.value[question.id] ?? (suggested === undefined ? {} : draftOf(question, suggested));
  const [missing, setMissing] = useState<readonly FieldError[]>([]);
  const refused = chat.refused.value?.question_id === question.id ? chat.refused.value.problem : null;
  const told = refused !== null && isMistake(refused.code) ? [{ field: id, message: refused.message }] : null;
  const errors = useSame(missing.length > 0 ? missing : told ?? []);
  const isUnderWay = chat.sending.value !== null;
  const box = useRef<HTMLFormElement>(null);
  useEffect(() => {
    if (!chat.mayMoveFocus.value) return;
    chat.mayMoveFocus.value = false;
    focusIn(box.current);
  }, [question.id]);
  const send = (): void => {
    const said = saidBy(question, draft);
    const isChoice = question.options.length > 0 || question.type === 'boolean' || question.type === 'file';
    setMissing(said === null ? [{ field: id, message: isChoice ? w.choose : w.enter }] : []);
    if (said !== null && !isUnderWay) void chat.give(question, said);
  };
  return (
    <form
      ref={box} class="card question" noValidate aria-labelledby={promptOf(id)} lang={chat.texts.language}
      onSubmit={(event) => {
        event.preventDefault();
        send();
      }}
    >
      {errors.length > 0 ? <ErrorSummary errors={errors} title={w.problem} />
        : refused === null || told !== null ? null : <ProblemAlert problem={refused} correlation={w.correlation} />}
      <Control
        id={id} question={question} draft={draft} errors={errors} files={{ request: chat.request, sessionId: chat.id }}
        onDraft={(next) => { chat.draft(question.id, next); }}
      />
      <div class="actions">
        <button type="submit" class="main" aria-disabled={isUnderWay}>{isUnderWay ? w.sending : w.send}</button>
        {question.required ? null : (
          <button type="button" aria-disabled={isUnderWay} onClick={() => { void chat.give(question, { value: null }); }}>{w.skip}</button>
        )}
      </div>
    </form>
  );
}

/** The same array while it says the same, so that an error takes the focus once. */
function useSame(errors: readonly FieldError[]): readonly FieldError[] {
  const last = useRef(errors);
  if (JSON.stringify(last.current) !== JSON.stringify(errors)) last.current = errors;
  return last.current;
}

/** The first control, or of a choice the chosen one. */
export function focusIn(box: HTMLElement | null): void {
  const found = box?.querySelector<HTMLElement>('input:checked')
    ?? box?.querySelector<HTMLElement>('input:not([hidden]), textarea, .drop button');
  found?.focus();
}

/** What was read of free words is said back, and stands unless the person objects. */
export function IsThatRight({ chat, understood: { question, display }, onChange }: {
  readonly chat: Chat; readonly understood: Understood; readonly onChange: (question: AskedQuestion) => void;
}) {
  const yes = useRef<HTMLButtonElement>(null);
  const { value: w } = words;
  useEffect(() => { yes.current?.focus(); }, []);
  return (
    <div role="group" aria-labelledby="is-that-right" class="card question">
      <h2 id="is-that-right">{w.isThatRight}</h2>
      <p lang={chat.texts.language}>{question.prompt} <strong>{display}</strong></p>
      <div class="actions">
        <button
          ref={yes} type="button" class="main"
          onClick={() => {
            chat.mayMoveFocus.value = true;
            chat.understood.value = null;
          }}
        >{w.yes}</button>
        <button
          type="button"
          onClick={() => {
            chat.understood.value = null;
            onChange(question);
          }}
        >{w.noChange}</button>
      </div>
    </div>
  );
}
