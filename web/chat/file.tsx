/** A file: chosen or dropped, sent in parts, given up, tried again. */
import { useEffect, useId, useRef, useState } from 'preact/hooks';
import { problemOf, type RequestProblem } from '../client/problem.ts';
import type { Request } from '../client/request.ts';
import { ProblemAlert } from '../parts/alerts.tsx';
import type { Draft } from './draft.ts';
import { giveUp, send, type Sending } from './upload.ts';
import { words } from './words.ts';

export interface FileAccess { readonly request: Request; readonly sessionId: string }

interface FileControlProps {
  readonly id: string;
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly files: FileAccess;
  readonly described: Readonly<Record<string, unknown>>;
}

export function FileControl({ id, draft, onDraft, files: { request, sessionId }, described }: FileControlProps) {
  const [sending, setSending] = useState<Sending | null>(null);
  const [sent, setSent] = useState(0);
  const [problem, setProblem] = useState<RequestProblem | null>(null);
  const [isOver, setOver] = useState(false);
  const ending = useRef<AbortController | null>(null);
  const input = useRef<HTMLInputElement>(null);
  const hint = useId();
  const { value: w } = words;
  useEffect(() => () => { ending.current?.abort(); }, []);
  const begin = async (what: Sending): Promise<void> => {
    const controller = new AbortController();
    ending.current = controller;
    setSending(what);
    setProblem(null);
    try {
      const upload = await send(request, sessionId, what, controller.signal, setSent);
      setSending(null);
      onDraft({ upload, name: what.file.name });
    } catch (error) {
      if (controller.signal.aborted) return;
      setProblem(problemOf(error));
    }
  };
  const choose = (file: File | undefined): void => {
    if (file === undefined) return;
    onDraft({});
    setSent(0);
    void begin({ id: crypto.randomUUID(), file, isAgain: false });
  };
  const cancel = (): void => {
    ending.current?.abort();
    if (sending !== null) void giveUp(request, sessionId, sending);
    setSending(null);
    setProblem(null);
  };
  return (
    <div
      role="group" class={isOver ? 'drop over' : 'drop'} {...described}
      onDragOver={(event) => { event.preventDefault(); setOver(true); }}
      onDragLeave={() => { setOver(false); }}
      onDrop={(event) => {
        event.preventDefault();
        setOver(false);
        choose(event.dataTransfer?.files[0]);
      }}
    >
      <input
        ref={input} type="file" hidden
        onChange={(event) => {
          choose(event.currentTarget.files?.[0]);
          // the same file again is a choice too
          event.currentTarget.value = '';
        }}
      />
      {sending === null ? (
        <div class="actions">
          <button type="button" id={id} onClick={() => { input.current?.click(); }}>{w.chooseFile}</button>
          <span class="quiet" id={hint}>{w.drop}</span>
        </div>
      ) : (
        <>
          <progress aria-label={w.uploading(sending.file.name)} value={sent} max={Math.max(sending.file.size, 1)} />
          <p class="quiet" aria-hidden="true">{w.uploading(sending.file.name)}</p>
          <div class="actions">
            {problem === null ? null : (
              <button type="button" class="main" onClick={() => { void begin({ ...sending, isAgain: true }); }}>{w.tryAgain}</button>
            )}
            <button type="button" onClick={cancel}>{w.cancelUpload}</button>
          </div>
        </>
      )}
      {problem === null ? null : <ProblemAlert problem={problem} correlation={w.correlation} />}
      {sending === null && draft['upload'] !== undefined ? <p class="here">{w.ready(draft['name'] ?? w.file)}</p> : null}
    </div>
  );
}
