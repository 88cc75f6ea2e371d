/** What stays of a session whose person is erased: what is counted, and nothing that anybody said. */
import { deviceOf } from './device.ts';
import type { SessionView } from './message.ts';
import type { SessionEvent, SessionState } from './session-state.ts';

/** `owner`: in place of the person's, the same for all their sessions. One revision on, so that it replaces what is stored. */
export function erasedState(state: SessionState, owner: string): SessionState {
  const { owner_person: _, ...rest } = state;
  return {
    ...rest, owner, revision: state.revision + 1, correlation_id: '', client_context: { device: deviceOf(state.client_context) },
    answers: state.answers.map(({ sequence, question_id, answered_at, superseded }) => (
      { sequence, question_id, value: null, answered_at, superseded }
    )),
    former: {}, offered: null, proposal: null, decision: null, parked: null, end_reason: null, ui_state: null, ui_states: [],
    checkpoints: [], seen: [], uploads: [], recent: state.recent.map(erasedEvent), unsaved: { events: [], checkpoints: [] },
    // no copy goes on from it
    copy: '',
  };
}

export function erasedView(view: SessionView, owner: string): SessionView {
  const { correlation_id: _, awaits: __, ...rest } = view;
  return { ...rest, owner, question: null, revision: view.revision + 1 };
}

/** Of its properties those stay by which reports know what it is. */
export function erasedEvent(event: SessionEvent): SessionEvent {
  const { stage, origin } = event.properties;
  return { ...event, properties: { ...(stage === undefined ? {} : { stage }), ...(origin === undefined ? {} : { origin }) } };
}
