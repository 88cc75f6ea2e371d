/** Where the session is, in words: the one live text of the page. */
import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import type { Chat, Conflict } from './chat.ts';
import { shown } from './show.ts';
import { Timed } from './timed.tsx';
import { words } from './words.ts';
import type { Words } from './words/en.ts';

/** `transient`: what was just done, where there is nothing else to say. */
export function Status({ chat, transient }: { readonly chat: Chat; readonly transient: string }) {
  const { value: w } = words;
  const text = statusOf(chat, w) ?? transient;
  return <div role="status" class={text === '' ? 'unseen' : `note state ${kindOf(chat)}`}>{text}</div>;
}

function kindOf({ isOffline, conflict, session: { value: { state } } }: Chat): string {
  return isOffline.value || conflict.value !== null ? 'urgent' : state === 'completed' ? 'good' : '';
}

function statusOf({ isOffline, waiting, conflict, session: { value: session } }: Chat, w: Words): ComponentChildren {
  if (isOffline.value) return w.offline(waiting.messages.value.length);
  if (conflict.value !== null) return w.otherDevice;
  const { notice, state, waiting_since: since } = session;
  if (notice !== null) return notice.goes_on_by === null ? w.failed : <Timed words={w.failedUntil} at={notice.goes_on_by} />;
  if (state === 'escalated') return w.colleague;
  if (state === 'generating') return w.preparing;
  if (state === 'awaiting_approval') return since === null ? w.applying : <Timed words={w.approval} at={since} />;
  if (state === 'completed') return w.done;
  if (state === 'cancelled') return w.cancelled;
  return state === 'error' ? w.ended : null;
}

/** Two answers to one question, where it was asked: the person chooses, and neither is lost before. */
export function ConflictBox({ chat, conflict }: { readonly chat: Chat; readonly conflict: Conflict }) {
  const box = useRef<HTMLDivElement>(null);
  const { value: w } = words;
  useEffect(() => {
    if (!chat.mayMoveFocus.value) return;
    chat.mayMoveFocus.value = false;
    // not to a button: the key that has sent the answer may still be down
    box.current?.focus();
  }, []);
  const { question, message: { content }, theirs } = conflict;
  const mine = 'text' in content ? content.text : shown(question, content.value, w);
  return (
    <div ref={box} role="group" aria-labelledby="conflict" tabIndex={-1} class="card question">
      <h2 id="conflict" lang={chat.texts.language}>{question.prompt}</h2>
      <dl class="given">
        <div><dt>{w.theirs}</dt><dd>{theirs === undefined ? w.notAsked : shown(question, theirs, w)}</dd></div>
        <div><dt>{w.mine}</dt><dd>{mine}</dd></div>
      </dl>
      <div class="actions">
        <button type="button" class="main" onClick={() => { chat.useNewer(); }}>{w.useNewer}</button>
        {theirs === undefined ? null : <button type="button" onClick={() => { chat.keepMine(); }}>{w.keepMine}</button>}
      </div>
    </div>
  );
}

/** Nothing is asked while a colleague has the session: what that means for the person. */
export function Colleague() {
  return <p class="card">{words.value.colleagueLead}</p>;
}
