/** What happens to the session, as it happens: an EventSource by a ticket, since it can send no header. */
import type { StreamEvent } from '../client/contract.ts';
import { base } from '../client/request.ts';
import type { Chat } from './chat.ts';

const names = ['state', 'question', 'recommendation', 'upload'] as const;
const againMs = 3_000;

/** Until the session has ended, or the returned function is called. */
export function follow(chat: Chat, say: (words: string) => void): () => void {
  let source: EventSource | null = null;
  let lastId = '';
  let timer = 0;
  let isOver = false;
  const later = (): void => {
    source?.close();
    source = null;
    if (!isOver && chat.session.value.ended_at === null && !chat.isShut.value) timer = window.setTimeout(() => { void begin(); }, againMs);
  };
  const begin = async (): Promise<void> => {
    try {
      const { body: { ticket } } = await chat.request<{ ticket: string }>('POST', `/sessions/${chat.id}/events/ticket/`, { body: {} });
      if (isOver) return;
      const last = lastId === '' ? '' : `&last_event_id=${encodeURIComponent(lastId)}`;
      source = new EventSource(`${base}/sessions/${chat.id}/events/?ticket=${encodeURIComponent(ticket)}${last}`);
      for (const name of names) {
        source.addEventListener(name, ({ data, lastEventId }: MessageEvent<string>) => {
          lastId = lastEventId;
          const { message } = JSON.parse(data) as StreamEvent;
          if (message !== undefined) say(message);
          void chat.refresh();
        });
      }
      source.addEventListener('error', later);
    } catch {
      // no ticket: what has happened is asked for, which tells whether anybody can be reached
      await chat.wake();
      later();
    }
  };
  void begin();
  return () => {
    isOver = true;
    clearTimeout(timer);
    source?.close();
  };
}
