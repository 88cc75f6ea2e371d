/** The person's page: getting in, and the one session that it is about. */
import { useEffect, useRef, useState } from 'preact/hooks';
import { problemOf } from '../client/problem.ts';
import { flowOfAddress, keptAccess, takeBrought, type Access, type Brought } from './access.ts';
import { begin, mayPass, spend } from './begin.ts';
import type { Chat } from './chat.ts';
import { Frame } from './frame.tsx';
import { Talk } from './talk.tsx';
import { askedLanguage, speak, words } from './words.ts';

type Shown =
  | { readonly kind: 'loading' }
  | { readonly kind: 'continue'; readonly secret: string }
  | { readonly kind: 'word'; readonly title: string; readonly lead: string; readonly again?: Access }
  | { readonly kind: 'chat'; readonly chat: Chat };

export function ChatPage() {
  const [shown, setShown] = useState<Shown>({ kind: 'loading' });
  const last = useRef<Chat | null>(null);
  const enter = async (access: Access): Promise<void> => {
    setShown({ kind: 'loading' });
    try {
      const chat = await begin(access);
      if (last.current?.id === chat.id) chat.adopt(last.current);
      last.current = chat;
      setShown({ kind: 'chat', chat });
    } catch (error) {
      setShown(wordOn(error, access));
    }
  };
  const arrive = async (brought: Brought): Promise<void> => {
    await speak(askedLanguage() ?? 'en');
    const kept = keptAccess();
    if (brought !== null && 'secret' in brought) setShown({ kind: 'continue', secret: brought.secret });
    else if (brought !== null) await enter({ token: brought.token, sessionId: null, flow: flowOfAddress() });
    else if (kept !== null && kept.flow === flowOfAddress()) await enter(kept);
    // who is signed in to the console needs no link
    else if (flowOfAddress() !== '') await enter({ token: null, sessionId: null, flow: flowOfAddress() });
    else setShown({ kind: 'word', title: words.value.noAccess, lead: words.value.noAccessLead });
  };
  useEffect(() => {
    void arrive(takeBrought());
    // the same tab is given another link
    const changed = (): void => {
      const brought = takeBrought();
      if (brought !== null) void arrive(brought);
    };
    addEventListener('hashchange', changed);
    return () => { removeEventListener('hashchange', changed); };
  }, []);
  if (shown.kind === 'chat') return <Talk key={shown.chat.id} chat={shown.chat} />;
  if (shown.kind === 'continue') {
    return <Continue secret={shown.secret} onSpent={(access) => { void enter(access); }} onRefused={setShown} />;
  }
  if (shown.kind === 'loading') return <Frame title="Gangway" isBusy><p class="lead">{words.value.loading}</p></Frame>;
  const { title, lead, again } = shown;
  return (
    <Frame title={title}>
      <p class="lead">{lead}</p>
      {again === undefined ? null : (
        <p><button type="button" class="main" onClick={() => { void enter(again); }}>{words.value.tryAgain}</button></p>
      )}
    </Frame>
  );
}

function wordOn(error: unknown, again: Access): Shown {
  const { value: w } = words;
  const problem = problemOf(error);
  if (mayPass(error)) return { kind: 'word', title: w.unreachable, lead: problem.message, again };
  if (problem.status === 404) return { kind: 'word', title: w.notFound, lead: w.notFoundLead };
  if (problem.status === 403) return { kind: 'word', title: w.barred, lead: w.barredLead };
  return { kind: 'word', title: w.noAccess, lead: problem.status === 401 ? w.noAccessLead : problem.message };
}

interface ContinueProps {
  readonly secret: string;
  readonly onSpent: (access: Access) => void;
  readonly onRefused: (shown: Shown) => void;
}

/** Opening the link spends nothing: only the button does. */
function Continue({ secret, onSpent, onRefused }: ContinueProps) {
  const [isUnderWay, setUnderWay] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const { value: w } = words;
  const go = async (): Promise<void> => {
    if (isUnderWay) return;
    setUnderWay(true);
    setFailure(null);
    try {
      onSpent(await spend(secret));
    } catch (error) {
      const titles: Readonly<Record<string, string>> = { link_used: w.linkUsed, link_expired: w.linkExpired };
      const problem = problemOf(error);
      if (mayPass(error)) setFailure(problem.message);
      else onRefused({ kind: 'word', title: titles[problem.code] ?? w.linkUnknown, lead: w.newLink });
    } finally {
      setUnderWay(false);
    }
  };
  return (
    <Frame title={w.resumeTitle}>
      {failure === null ? null : <div role="alert" class="alert"><p>{failure}</p></div>}
      <p class="lead">{w.resumeLead}</p>
      <p>
        <button type="button" class="main" aria-disabled={isUnderWay} onClick={() => { void go(); }}>
          {isUnderWay ? w.resuming : w.resume}
        </button>
      </p>
    </Frame>
  );
}
