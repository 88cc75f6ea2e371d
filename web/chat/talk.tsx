/** The conversation: what was asked and answered, what is asked now, where it stands. */
import { useEffect, useRef, useState } from 'preact/hooks';
import type { Json } from '../../domain/json.ts';
import type { AskedQuestion } from '../client/contract.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import { Acts } from './acts.tsx';
import { ChangeDialog } from './change.tsx';
import type { Chat } from './chat.ts';
import { Frame } from './frame.tsx';
import { follow } from './live.ts';
import { IsThatRight, QuestionForm } from './question.tsx';
import { moment, shown } from './show.ts';
import { Colleague, ConflictBox, Status } from './status.tsx';
import { words } from './words.ts';

export function Talk({ chat }: { readonly chat: Chat }) {
  const [changing, setChanging] = useState<AskedQuestion | null>(null);
  const [transient, setTransient] = useState('');
  const { value: w } = words;
  useEffect(() => lived(chat), [chat]);
  const session = chat.session.value;
  const current = chat.current.value;
  const understood = chat.understood.value;
  const conflict = chat.conflict.value;
  const isOpen = session.ended_at === null;
  const mayChange = isOpen && session.state !== 'escalated' && !chat.isShut.value;
  const given = chat.texts.questions.flatMap((question) => (
    Object.hasOwn(chat.standing.value, question.id) ? [{ question, value: chat.standing.value[question.id] ?? null }] : []
  ));
  const isAllGiven = chat.isComplete.value && understood === null;
  const onChange = mayChange ? setChanging : null;
  return (
    <Frame title={chat.texts.flow.title} status={<Status chat={chat} transient={transient} />}>
      <div class="where">
        <progress aria-label={w.progress} value={session.progress_percent} max={100} aria-valuenow={session.progress_percent} />
        <p class="quiet">{w.saved} <time dateTime={session.last_activity_at}>{moment(session.last_activity_at, w.tag)}</time></p>
      </div>
      {chat.isShut.value ? <div role="alert" class="alert"><p>{w.shut}</p></div> : null}
      {chat.problem.value === null ? null : <ProblemAlert problem={chat.problem.value} correlation={w.correlation} />}
      {isAllGiven ? <YourAnswers chat={chat} given={given} onChange={onChange} /> : null}
      <Conversation chat={chat} given={given} onChange={isAllGiven ? null : onChange} />
      {conflict !== null ? <ConflictBox key={conflict.message.id} chat={chat} conflict={conflict} />
        : understood !== null ? <IsThatRight chat={chat} understood={understood} onChange={setChanging} />
          : session.state === 'escalated' ? <Colleague />
            : current === null ? null : <QuestionForm key={current.id} chat={chat} question={current} />}
      {isOpen ? <Acts chat={chat} onSay={setTransient} /> : null}
      <Newest
        mark={[given.length, chat.notes.value.length, current?.id, session.state, conflict?.message.id].join(' ')} isComplete={isAllGiven}
      />
      {changing === null ? null : <ChangeDialog chat={chat} question={changing} onClose={() => { setChanging(null); }} />}
    </Frame>
  );
}

/** While the page is shown: live events, and what the browser says of its connection. */
function lived(chat: Chat): () => void {
  const leave = follow(chat, (message) => { chat.note(message); });
  const changed = (): void => { chat.lineChanged(); };
  const leaving = (event: BeforeUnloadEvent): void => {
    if (chat.waiting.messages.value.length > 0) event.preventDefault();
  };
  addEventListener('online', changed);
  addEventListener('offline', changed);
  addEventListener('beforeunload', leaving);
  void chat.drain();
  return () => {
    leave();
    removeEventListener('online', changed);
    removeEventListener('offline', changed);
    removeEventListener('beforeunload', leaving);
    chat.close();
  };
}

interface GivenAnswer { readonly question: AskedQuestion; readonly value: Json }
interface GivenProps {
  readonly chat: Chat;
  readonly given: readonly GivenAnswer[];
  /** null: nothing can be changed here. */
  readonly onChange: ((question: AskedQuestion) => void) | null;
}

function Conversation({ chat, given, onChange }: GivenProps) {
  const { value: w } = words;
  const late = new Set(chat.waiting.messages.value.map(({ question_id: id }) => id));
  return (
    <div role="log" aria-label={w.conversation} class="log">
      <ol role="list">
        {given.map(({ question, value }) => (
          <li key={question.id} lang={chat.texts.language}>
            <p class="bubble asked">{question.prompt}</p>
            <div class="answer">
              <p class={late.has(question.id) ? 'bubble given late' : 'bubble given'} dir="auto">{shown(question, value, w)}</p>
              {onChange === null ? null : <ChangeButton question={question} onChange={onChange} />}
            </div>
          </li>
        ))}
        {chat.unread.value.map(({ question, text }) => (
          <li key={question.id} lang={chat.texts.language}>
            <p class="bubble asked">{question.prompt}</p>
            <div class="answer"><p class="bubble given late" dir="auto">{text}</p></div>
          </li>
        ))}
        {chat.notes.value.map((note, at) => <li key={`${at} ${note}`}><p class="bubble asked" dir="auto">{note}</p></li>)}
      </ol>
    </div>
  );
}

function ChangeButton({ question, onChange }: { readonly question: AskedQuestion; readonly onChange: (question: AskedQuestion) => void }) {
  const { value: w } = words;
  return (
    <button type="button" class="small" aria-label={w.changeOf(question.prompt)} onClick={() => { onChange(question); }}>{w.change}</button>
  );
}

/** All of them once more, when nothing is asked: to be looked over. */
function YourAnswers({ chat, given, onChange }: GivenProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  const { value: w } = words;
  useEffect(() => {
    if (!chat.mayMoveFocus.value) return;
    chat.mayMoveFocus.value = false;
    heading.current?.focus();
  }, []);
  return (
    <section class="card" aria-labelledby="your-answers">
      <h2 id="your-answers" ref={heading} tabIndex={-1}>{w.yourAnswers}</h2>
      <dl class="given" lang={chat.texts.language}>
        {given.map(({ question, value }) => (
          <div key={question.id}>
            <dt>{question.prompt}</dt>
            <dd dir="auto">{shown(question, value, w)}</dd>
            {onChange === null ? null : <dd><ChangeButton question={question} onChange={onChange} /></dd>}
          </div>
        ))}
      </dl>
    </section>
  );
}

/** From the end of the page up to here it counts as read, in pixels. */
const nearPx = 160;

/** What is new comes into view for whoever is at the end; whoever reads above is told, and not moved. */
function Newest({ mark, isComplete }: { readonly mark: string; readonly isComplete: boolean }) {
  const [isNews, setNews] = useState(false);
  const isNear = useRef(true);
  const last = useRef(mark);
  const { value: w } = words;
  const toEnd = (): void => { scrollTo({ top: document.documentElement.scrollHeight }); };
  useEffect(() => {
    const scrolled = (): void => {
      isNear.current = innerHeight + scrollY >= document.documentElement.scrollHeight - nearPx;
      if (isNear.current) setNews(false);
    };
    addEventListener('scroll', scrolled, { passive: true });
    return () => { removeEventListener('scroll', scrolled); };
  }, []);
  useEffect(() => {
    if (last.current === mark) return;
    last.current = mark;
    if (!isNear.current) setNews(true);
    // all answers are to be looked over, and stand above
    else if (!isComplete) toEnd();
  }, [mark]);
  return isNews ? <button type="button" class="main newest" onClick={() => { setNews(false); toEnd(); }}>{w.newest}</button> : null;
}
