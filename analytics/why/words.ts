/** What a recommendation says, in plain words. */
import type { StageName } from '../../domain/lifecycle.ts';
import type { Comparable, ComparedBy, Group, Place } from './comparable.ts';

const stepWords: Readonly<Record<StageName, string>> = {
  started: 'to the start', engaged: 'to their first answer', recommendations_generated: 'to the recommendations',
  approval_decision: 'to a decision', completed: 'from the decision to the end',
};

export function titleOf({ by, place, one, other, flow, factor }: Comparable): string {
  const past = wayOf(place);
  if (by === 'previous_period') return `Fewer sessions${ofFlow(flow)} get ${past} than in the period before`;
  if (by === 'flow_version') {
    return `Version ${one.label} of ${flow ?? 'the flow'}: fewer sessions get ${past} than with version ${other.label}`;
  }
  if (by === 'repeat') return `Where ${factor?.question_id ?? 'a question'} had to be put again, fewer sessions finish`;
  if (by === 'refusal') return `Where an answer to ${factor?.question_id ?? 'a question'} was refused, fewer sessions finish`;
  if (by === 'error') return 'Where a task had to be parked, fewer sessions finish';
  return `${nounOf[by]} ${one.label}${by === 'flow' ? '' : ofFlow(flow, ' in ')}: fewer sessions get ${past} than with ${other.label}`;
}

export function descriptionOf({ place, one, other }: Comparable): string {
  return `${share(one)} got ${wayOf(place)}; of what it is compared with, ${share(other)}.`;
}

export function actionsOf({ by, place, one, other, factor }: Comparable): readonly string[] {
  const replay = 'Replay sessions from the list behind the number and see where they stopped.';
  const question = factor?.question_id ?? (place.at === 'question' ? place.question_id : null);
  switch (by) {
    case 'language':
      return [`Read the texts of ${question ?? 'this step'} in ${one.label} beside those in ${other.label}.`, replay];
    case 'device':
      return [`Go through ${question ?? 'this step'} on a device of the kind ${one.label}.`, replay];
    case 'flow':
      return [`Compare the questions of ${one.label} with those of ${other.label}.`, replay];
    case 'flow_version':
      return [`See what version ${one.label} changed against version ${other.label}, and publish a version without it.`, replay];
    case 'previous_period':
      return ['See what changed between the two periods: published flows, limits, rollbacks, languages, devices.', replay];
    case 'repeat':
      return [`Make the prompt and the help of ${question ?? 'the question'} plainer.`, replay];
    case 'refusal':
      return [
        `Look at which refusals ${question ?? 'the question'} gets (error_patterns of the drop-off heatmap).`,
        'Say in its prompt what is taken, or take more.', replay,
      ];
    case 'error':
      return ['See the errors of tasks (error_patterns of the drop-off heatmap) and mend the most frequent one.', replay];
  }
}

const nounOf: Readonly<Record<Exclude<ComparedBy, 'previous_period' | 'flow_version' | 'repeat' | 'refusal' | 'error'>, string>> = {
  flow: 'Flow', language: 'Language', device: 'Device',
};

function wayOf(place: Place): string {
  if (place.at === 'question') return `past the question ${place.question_id}`;
  if (place.at === 'own_step') return `to ${place.to_stage}`;
  return place.at === 'finish' ? 'to the end' : stepWords[place.to_stage];
}

function ofFlow(flow: string | null, word = ' of '): string {
  return flow === null ? '' : `${word}${flow}`;
}

function share({ arm }: Group): string {
  return `${arm.successes} of ${arm.n} sessions`;
}
