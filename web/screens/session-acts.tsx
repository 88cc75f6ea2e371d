/** What an operator does with a session, each act with its reason. */
import { useId, useState } from 'preact/hooks';
import { useAct, useAsked } from '../client/asking.ts';
import type { Session, SessionVersion } from '../client/contract.ts';
import { get, request } from '../client/request.ts';
import { ProblemAlert, type FieldError } from '../parts/alerts.tsx';
import { ActButton } from '../parts/buttons.tsx';
import { ActDialog } from '../parts/dialog.tsx';
import { TextField } from '../parts/fields.tsx';
import { ChoiceFilter } from '../parts/filters.tsx';
import { say } from '../shell/said.ts';
import { who } from '../shell/who.ts';
import { ReasonDialog } from './dead-letter-dialogs.tsx';
import { versionPath } from './session-versions.tsx';

interface SessionActsProps {
  readonly session: Session;
  readonly version: number;
  readonly isSeen: boolean;
  readonly onSee: (reason: string) => void;
  readonly onCopy: () => void;
}

type Open = 'resume' | 'escalate' | 'cancel' | 'answers' | null;

export function SessionActs({ session, version, isSeen, onSee, onCopy }: SessionActsProps) {
  const [open, setOpen] = useState<Open>(null);
  const close = (): void => { setOpen(null); };
  const isOpen = session.ended_at === null;
  const isOwner = who.value?.sub === session.owner;
  const back = useAct(async (key) => {
    await request('POST', `/sessions/${session.session_id}/resume/`, { key, body: {} });
    say(`Returned to ${session.owner}.`);
  });
  const button = (name: string, which: Open) => <button type="button" onClick={() => { setOpen(which); }}>{name}</button>;
  return (
    <div class="actions">
      {back.problem === null ? null : <ProblemAlert problem={back.problem} />}
      {isOpen && isOwner && version > 0 ? button(`Resume from version ${version}`, 'resume') : null}
      {session.state === 'escalated' ? <ActButton act={back} words={[`Return to ${session.owner}`, 'Returning…']} /> : null}
      {isOpen && session.state !== 'escalated' ? button('Escalate', 'escalate') : null}
      {isOpen ? button('Cancel session', 'cancel') : null}
      {isSeen || isOwner || version === 0 ? null : button('Show answers', 'answers')}
      <button type="button" onClick={onCopy}>Copy id</button>
      {isOpen && !isOwner ? <span class="quiet">Only {session.owner} can resume it from a version.</span> : null}
      {open === 'resume' ? <ResumeDialog session={session} version={version} onClose={close} /> : null}
      {open === 'escalate' ? <EscalateDialog id={session.session_id} owner={session.owner} onClose={close} /> : null}
      {open === 'cancel' ? <CancelDialog id={session.session_id} onClose={close} /> : null}
      {open === 'answers' ? <AnswersDialog onSee={onSee} onClose={close} /> : null}
    </div>
  );
}

interface Closing { readonly onClose: () => void }

function ResumeDialog({ session, version, onClose }: Closing & { readonly session: Session; readonly version: number }) {
  const { session_id: id, checkpoint_version: newest } = session;
  const asked = useAsked<readonly string[]>({
    key: ['set-aside', id, version, newest],
    ask: async (signal) => {
      const [then, now] = await Promise.all([version, newest].map((each) => get<SessionVersion>(versionPath(id, each, null), signal)));
      const kept = new Map(then?.answers.map((answer) => [answer.question_id, answer.answered_at]));
      return (now?.answers ?? []).filter((answer) => kept.get(answer.question_id) !== answer.answered_at)
        .map((answer) => answer.question_id);
    },
  });
  const act = useAct(async (key) => {
    await request('POST', `/sessions/${id}/resume/`, { key, body: { checkpoint_version: version } });
    say(`Resumed from version ${version}.`);
    onClose();
  });
  const aside = asked.data ?? [];
  return (
    <ActDialog
      title={`Resume from version ${version}?`} onClose={onClose} act={act} words={['Resume', 'Resuming…']} errors={[]} onSubmit={act.run}
    >
      {asked.data === undefined ? <p class="quiet">Looking what that sets aside…</p> : aside.length === 0
        ? <p>No answers are set aside.</p> : (
        <>
          <p id="aside">These answers will be set aside:</p>
          <ul aria-labelledby="aside">{aside.map((question) => <li key={question}>{question}</li>)}</ul>
        </>
      )}
    </ActDialog>
  );
}

const urgencies = [['low', 'low'], ['medium', 'medium'], ['high', 'high']] as const;

function EscalateDialog({ id, owner, onClose }: Closing & { readonly id: string; readonly owner: string }) {
  const field = useId();
  const [reason, setReason] = useState('');
  const [urgency, setUrgency] = useState<string>('medium');
  const [errors, setErrors] = useState<readonly FieldError[]>([]);
  const act = useAct(async (key) => {
    await request('POST', `/sessions/${id}/escalate/`, { key, body: { reason, urgency } });
    say('Escalated: a person takes over.');
    onClose();
  });
  const submit = (): void => {
    const found = reason.trim() === '' ? [{ field, message: 'Enter a reason' }] : [];
    setErrors(found);
    if (found.length === 0) act.run();
  };
  return (
    <ActDialog title="Escalate this session?" onClose={onClose} act={act} words={['Escalate',
      'Escalating…']} errors={errors} onSubmit={submit}>
      <p>It takes no answers until it is returned to {owner}, here or by {owner} themselves.</p>
      <TextField id={field} label="Reason" value={reason} onChange={setReason} errors={errors} />
      <ChoiceFilter id={`${field}-urgency`} label="Urgency" value={urgency} choices={urgencies} onChange={setUrgency} />
    </ActDialog>
  );
}

function CancelDialog({ id, onClose }: Closing & { readonly id: string }) {
  const [reason, setReason] = useState('');
  const act = useAct(async (key) => {
    await request('POST', `/sessions/${id}/cancel/`, { key, body: { reason } });
    say('Cancelled.');
    onClose();
  });
  return (
    <ReasonDialog
      title="Cancel this session?" words={['Cancel session', 'Cancelling…']} act={{ act, reason, setReason }} isGrave onClose={onClose}
    ><p>It ends. Its answers stay readable, and it cannot go on.</p></ReasonDialog>
  );
}

/** The reason goes with each look, into the audit log. */
function AnswersDialog({ onSee, onClose }: Closing & { readonly onSee: (reason: string) => void }) {
  const [reason, setReason] = useState('');
  const act = useAct(() => {
    onSee(reason.trim());
    onClose();
    return Promise.resolve();
  }, { isLookingOnly: true });
  return (
    <ReasonDialog title="Show answers" words={['Show', 'Showing…']} act={{ act, reason, setReason }} onClose={onClose}>
      <p>You will read what a person said. That stands in the audit log, with your reason.</p>
    </ReasonDialog>
  );
}
