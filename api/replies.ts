/** What a friendly clerk says after an answer, in the session's language. */
import { findQuestion, questionTexts, type Flow } from '../domain/flow.ts';
import type { SessionView } from '../domain/message.ts';

const phrases: Readonly<Record<string, { readonly thanks: string; readonly preparing: string; readonly ready: string }>> = {
  en: {
    thanks: 'Thank you, noted.', preparing: 'That was the last question. Your configuration is being prepared.',
    ready: 'Your configuration is ready and waits for approval.',
  },
  hi: {
    thanks: 'धन्यवाद, दर्ज कर लिया।', preparing: 'यह आख़िरी सवाल था। आपका कॉन्फ़िगरेशन तैयार किया जा रहा है।',
    ready: 'आपका कॉन्फ़िगरेशन तैयार है और मंज़ूरी का इंतज़ार कर रहा है।',
  },
};

/** Confirmation and what comes next. */
export function replyAfter(flow: Flow, view: SessionView): string {
  const say = phrases[view.language] ?? phrases['en'];
  if (say === undefined) return '';
  if (view.question !== null) return `${say.thanks} ${questionTexts(flow, view.language, view.question.id).prompt}`;
  return `${say.thanks} ${view.state === 'awaiting_approval' ? say.ready : say.preparing}`;
}

/** The flow's own words for an answer it cannot take. */
export function retryText(flow: Flow, language: string, questionId: string): string {
  return findQuestion(flow.rules, questionId) === null ? '' : questionTexts(flow, language, questionId).retry_text;
}
