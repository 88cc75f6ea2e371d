/** What a person can do beside answering: come back later, ask for a person, end it. */
import { useId, useState } from 'preact/hooks';
import type { ResumeLink } from '../client/contract.ts';
import { problemOf, type RequestProblem } from '../client/problem.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import { Dialog } from '../parts/dialog.tsx';
import type { Chat } from './chat.ts';
import { Timed } from './timed.tsx';
import { words } from './words.ts';

type Open = { readonly kind: 'link'; readonly link: ResumeLink | null } | { readonly kind: 'cancel' } | null;

export function Acts({ chat, onSay }: { readonly chat: Chat; readonly onSay: (words: string) => void }) {
  const [open, setOpen] = useState<Open>(null);
  const [busy, setBusy] = useState<string | null>(null);
  const [problem, setProblem] = useState<RequestProblem | null>(null);
  const { value: w } = words;
  const close = (): void => { setOpen(null); };
  const run = async (name: string, work: (key: string) => Promise<void>): Promise<void> => {
    if (busy !== null) return;
    setBusy(name);
    setProblem(null);
    try {
      await work(crypto.randomUUID());
    } catch (error) {
      setProblem(problemOf(error));
    } finally {
      setBusy(null);
    }
  };
  const link = (): void => {
    void run('link', async (key) => {
      try {
        await chat.act('checkpoint', {}, `${key}-saved`);
        setOpen({ kind: 'link', link: await chat.act<ResumeLink>('resume-link', {}, key) });
      } catch (error) {
        // a page that was opened by a link makes no further ones
        if (problemOf(error).status !== 403) throw error;
        setOpen({ kind: 'link', link: null });
      }
    });
  };
  const button = (name: string, rest: string, onClick: () => void, during = rest) => (
    <button type="button" aria-disabled={busy !== null} onClick={onClick}>{busy === name ? during : rest}</button>
  );
  const isEscalated = chat.session.value.state === 'escalated';
  return (
    <div class="actions acts">
      {problem === null ? null : <ProblemAlert problem={problem} correlation={w.correlation} />}
      {button('link', w.save, link)}
      {isEscalated
        ? button('back', w.goOnAlone, () => { void run('back', async (key) => { await chat.act('resume', {}, key); }); }, w.goingOn)
        : button('talk', w.talk, () => {
          void run('talk', async (key) => { await chat.act('escalate', { reason: 'Asked for in the chat', urgency: 'medium' }, key); });
        }, w.talking)}
      {button('cancel', w.cancelOnboarding, () => { setOpen({ kind: 'cancel' }); })}
      {open?.kind === 'link' ? <LinkDialog link={open.link} onClose={close} onSay={onSay} /> : null}
      {open?.kind === 'cancel' ? <CancelDialog chat={chat} onClose={close} /> : null}
    </div>
  );
}

function LinkDialog(
  { link, onClose, onSay }: { readonly link: ResumeLink | null; readonly onClose: () => void; readonly onSay: (words: string) => void },
) {
  const id = useId();
  const { value: w } = words;
  const [copied, setCopied] = useState('');
  const copy = async (): Promise<void> => {
    const isCopied = await navigator.clipboard.writeText(link?.url ?? '').then(() => true, () => false);
    setCopied(isCopied ? w.copied : w.notCopied);
    onSay(isCopied ? w.copied : w.notCopied);
  };
  return (
    <Dialog title={w.save} onClose={onClose}>
      {link === null ? <p>{w.noLink}</p> : (
        <>
          <p>{w.saveLead}</p>
          <div class="field">
            <label for={id}>{w.link}</label>
            <input id={id} type="text" readOnly value={link.url ?? ''} onFocus={(event) => { event.currentTarget.select(); }} dir="ltr" />
            <p class="hint"><Timed words={w.linkUntil} at={link.expires_at} /></p>
          </div>
          <p class="quiet" aria-hidden="true">{copied}</p>
        </>
      )}
      <div class="actions">
        {link === null ? null : <button type="button" class="main" onClick={() => { void copy(); }}>{w.copyLink}</button>}
        <button type="button" onClick={onClose}>{w.close}</button>
      </div>
    </Dialog>
  );
}

function CancelDialog({ chat, onClose }: { readonly chat: Chat; readonly onClose: () => void }) {
  const id = useId();
  const { value: w } = words;
  const [reason, setReason] = useState('');
  const [isUnderWay, setUnderWay] = useState(false);
  const [problem, setProblem] = useState<RequestProblem | null>(null);
  const [key] = useState(() => crypto.randomUUID());
  const cancel = async (): Promise<void> => {
    if (isUnderWay) return;
    setUnderWay(true);
    try {
      await chat.act('cancel', reason.trim() === '' ? {} : { reason: reason.trim() }, key);
      onClose();
    } catch (error) {
      setProblem(problemOf(error));
      setUnderWay(false);
    }
  };
  return (
    <Dialog title={w.cancelTitle} onClose={onClose}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void cancel();
        }}
      >
        {problem === null ? null : <ProblemAlert problem={problem} correlation={w.correlation} />}
        <p>{w.cancelLead}</p>
        <div class="field">
          <label for={id}>{w.reason}</label>
          <p class="hint" id={`${id}-hint`}>{w.reasonHint}</p>
          <input
            id={id} type="text" maxLength={1_000} value={reason} aria-describedby={`${id}-hint`} autocomplete="off"
            onInput={(event) => { setReason(event.currentTarget.value); }}
          />
        </div>
        <div class="actions">
          <button type="submit" class="grave" aria-disabled={isUnderWay}>{isUnderWay ? w.cancelling : w.cancelOnboarding}</button>
          <button type="button" onClick={onClose}>{w.cancel}</button>
        </div>
      </form>
    </Dialog>
  );
}
