/** Filters that name what a tenant may have or not: what it never had is refused with what it has, and never counts as zero. */
import { keyOf, symbolsMax } from '../analytics/history.ts';
import type { ClosedAnswer, SessionFilters } from '../analytics/sessions-in.ts';
import { closedValues } from '../domain/closed-answers.ts';
import { matchLanguage, type QuestionRule } from '../domain/flow.ts';
import type { Filterable, FlowName } from '../flows/registry.ts';
import { importedFlows } from '../stores/postgres/imported-events.ts';
import { mayHaveKey } from '../stores/postgres/session-histories.ts';
import { Problem } from './problem.ts';
import type { Services } from './services.ts';

interface Named { readonly flow?: string | undefined; readonly language?: string | undefined }
type Asked = Named & {
  readonly flow_version?: number | undefined;
  readonly user_segment?: SessionFilters['segment'];
  readonly device?: SessionFilters['device'];
  /** QUESTION_ID:VALUE */
  readonly answer?: string | undefined;
};
type Known = Pick<SessionFilters, 'flow' | 'flow_version' | 'language' | 'segment' | 'device' | 'answer'>;

/** Names said at most in an error. */
const saidNames = 50;

/**
 * The filters as sessions are stored under them: a language tag is matched as at the start of a session. Throws `unknown_flow`
 * and `unknown_filter_value`. The store is asked only for what no flow of today has.
 */
export async function knownFilters(services: Services, tenant: string, asked: Asked): Promise<Known> {
  const named = await knownNames(services, tenant, asked);
  const { flow_version: version, answer } = asked;
  const more = { segment: asked.user_segment, device: asked.device };
  if (version === undefined && answer === undefined) return { ...named, ...more };
  const filterable = await services.flows.filterable(tenant);
  if (version !== undefined) await checkVersion(services, tenant, filterable, named.flow, version);
  const closed = answer === undefined ? undefined : closedAnswer(filterable, named.flow, answer);
  return { ...named, ...more, flow_version: version, answer: closed };
}

async function checkVersion(
  services: Services, tenant: string, { versions }: Filterable, flow: string | undefined, version: number,
): Promise<void> {
  const known = versions.filter(({ flow_id: id }) => flow === undefined || id === flow).map((each) => each.version);
  if (known.includes(version)) return;
  const imported = (await importedFlows(services.stores.db, tenant)).filter(({ id }) => flow === undefined || id === flow)
    .flatMap((each) => each.versions);
  if (imported.includes(version)) return;
  const all = [...new Set([...known, ...imported])].filter((each) => each > 0).sort((a, b) => a - b).map(String);
  throw unknownValue('flow_version', 'No session has this version.', all);
}

/** A question by whose answers sessions can be divided. */
export async function closedQuestion(services: Services, tenant: string, flow: string | undefined, id: string): Promise<string> {
  const { questions } = await services.flows.filterable(tenant);
  const ofFlow = questions.filter(({ flow_id: flowId }) => flow === undefined || flowId === flow);
  const known = [...new Set(ofFlow.map(({ question }) => question.id))].sort();
  if (known.includes(id)) return id;
  throw unknownValue('breakdown', 'No question of few answers has this id.', known.map((each) => `answer:${each}`));
}

/** Of a flow, or of another system's sessions. Throws `unknown_filter_value`. */
export async function checkQuestion({ flows, stores }: Services, tenant: string, id: string): Promise<void> {
  const known = await flows.questionIds(tenant);
  if (known.includes(id)) return;
  const shown = keyOf({ event: 'question_shown', question_id: id, properties: {} });
  if (await mayHaveKey(stores.db, tenant, shown, symbolsMax)) return;
  throw unknownValue('question_id', 'No session was asked a question of this id.', known);
}

function closedAnswer({ questions }: Filterable, flow: string | undefined, text: string): ClosedAnswer {
  const colon = text.indexOf(':');
  const [id, value] = [text.slice(0, Math.max(colon, 0)), text.slice(colon + 1)];
  const ofFlow = questions.filter(({ flow_id: flowId }) => flow === undefined || flowId === flow).map(({ question }) => question);
  const asked = ofFlow.filter((question) => question.id === id);
  if (asked.length === 0) {
    const known = [...new Set(ofFlow.map((question) => question.id))].sort();
    throw unknownValue('answer', 'Write QUESTION_ID:VALUE with a question of few answers.', known.map((each) => `${each}:…`));
  }
  const values = [...new Set(asked.flatMap(filterValues))];
  if (!values.includes(value)) throw unknownValue('answer', 'This question has no such answer.', values.map((each) => `${id}:${each}`));
  return { question_id: id, value };
}

/** Of several choices each one may be asked for. */
function filterValues(question: QuestionRule): readonly string[] {
  return closedValues(question) ?? question.options;
}

async function knownNames(services: Services, tenant: string, { flow, language }: Named): Promise<Named> {
  if (flow === undefined && language === undefined) return {};
  const today = await services.flows.all(tenant);
  const startable = found(today, { flow, language }, exactly);
  if (startable !== null) return startable;
  // what another system's sessions ran on is the tenant's as well, as it wrote it
  const ever = [...await services.flows.everRegistered(tenant), ...await importedFlows(services.stores.db, tenant)];
  const asked = { flow, language };
  const known = found(ever, asked, exactly) ?? found(today, asked, alike) ?? found(ever, asked, alike);
  if (known !== null) return known;
  const named = ever.filter(({ id }) => flow === undefined || id === flow);
  throw named.length === 0 ? unknownFlow(idsOf(ever)) : unknownLanguage(languagesOf(named).filter((tag) => tag !== ''));
}

type Match = (languages: readonly string[], tag: string) => string | null;
const exactly: Match = (languages, tag) => (languages.includes(tag) ? tag : null);
const alike: Match = (languages, tag) => matchLanguage({ languages }, tag);

function found(flows: readonly FlowName[], { flow, language }: Named, match: Match): Named | null {
  const named = flows.filter(({ id }) => flow === undefined || id === flow);
  if (named.length === 0) return null;
  if (language === undefined) return { flow };
  const matched = match(languagesOf(named), language);
  return matched === null ? null : { flow, language: matched };
}

function idsOf(flows: readonly FlowName[]): readonly string[] {
  return [...new Set(flows.map(({ id }) => id).filter((id) => id !== ''))].sort();
}

function languagesOf(flows: readonly FlowName[]): readonly string[] {
  return [...new Set(flows.flatMap(({ languages }) => languages))].sort();
}

export function unknownFlow(known: readonly string[]): Problem {
  return new Problem('unknown_flow', `There is no flow of this name. There are: ${said(known)}.`, {
    errors: [{ pointer: '/flow', code: 'unknown_flow', message: 'There is no flow of this name.', fix: `Use one of: ${said(known)}.` }],
    members: { known_values: known.slice(0, saidNames) },
  });
}

function unknownLanguage(known: readonly string[]): Problem {
  return unknownValue('language', 'No session has this language.', known);
}

function unknownValue(name: string, message: string, known: readonly string[]): Problem {
  return new Problem('unknown_filter_value', `${message} There are: ${said(known)}.`, {
    errors: [{ pointer: `/${name}`, code: 'unknown_filter_value', message, fix: `Use one of: ${said(known)}.` }],
    members: { known_values: known.slice(0, saidNames) },
  });
}

function said(names: readonly string[]): string {
  return names.slice(0, saidNames).join(', ') + (names.length > saidNames ? ' …' : '');
}
