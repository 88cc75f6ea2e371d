/** The controls of a question, by its type. Choosing never sends, and arrows only choose. */
import type { AskedQuestion } from '../client/contract.ts';
import type { FieldError } from '../parts/alerts.tsx';
import { chosen, type Draft } from './draft.ts';
import { FileControl, type FileAccess } from './file.tsx';
import { words } from './words.ts';

interface ControlProps {
  /** Of the control that a mistake leads to, and where the focus goes. */
  readonly id: string;
  readonly question: AskedQuestion;
  readonly draft: Draft;
  readonly onDraft: (draft: Draft) => void;
  readonly errors: readonly FieldError[];
  readonly files: FileAccess;
}

interface Described { readonly 'aria-invalid'?: true; readonly 'aria-describedby'?: string }

/** The prompt of question `id` is in the element that this names. */
export const promptOf = (id: string): string => `${id}-prompt`;

export function Control(props: ControlProps) {
  const { id, question: { type, prompt, help }, errors } = props;
  const error = errors.find(({ field }) => field === id);
  const by = [...(help === null ? [] : [`${id}-hint`]), ...(error === undefined ? [] : [`${id}-error`])];
  const described: Described = {
    ...(error === undefined ? {} : { 'aria-invalid': true }), ...(by.length === 0 ? {} : { 'aria-describedby': by.join(' ') }),
  };
  const isOneText = type === 'text' || type === 'email' || type === 'number';
  return (
    <div class={error === undefined ? 'field asked' : 'field asked wrong'}>
      {isOneText ? <label class="prompt" id={promptOf(id)} for={id}>{prompt}</label> : <p class="prompt" id={promptOf(id)}>{prompt}</p>}
      {help === null ? null : <p class="hint" id={`${id}-hint`}>{help}</p>}
      {error === undefined ? null : <p class="error" id={`${id}-error`}>{error.message}</p>}
      <Fields {...props} described={described} />
    </div>
  );
}

function Fields({ id, question, draft, onDraft, files, described }: ControlProps & { readonly described: Described }) {
  const { value: w } = words;
  const { type, options } = question;
  const labelled = { 'aria-labelledby': promptOf(id), ...described };
  const part = (name: string) => ({ value: draft[name] ?? '', onChange: (text: string) => { onDraft({ ...draft, [name]: text }); } });
  switch (type) {
    case 'text':
    case 'email':
    case 'number':
      return (
        <TextPart id={id} type={type} isLong={type === 'text' && Number(question.max ?? 0) > longText} {...part('text')} {...described} />
      );
    case 'boolean':
    case 'single_choice': {
      const choices = type === 'boolean' ? [{ value: 'true', label: w.yes }, { value: 'false', label: w.no }] : options;
      const { 'aria-invalid': isInvalid, ...others } = labelled;
      return (
        <div role="radiogroup" class="choices" {...others} {...(isInvalid === undefined ? {} : { 'aria-invalid': true })}>
          {choices.map(({ value, label }, at) => (
            <label key={value} class="choice">
              <input
                type="radio" id={at === 0 ? id : `${id}-${at}`} name={id} value={value} checked={draft['choice'] === value}
                onChange={() => { onDraft({ choice: value }); }}
              />
              {label}
            </label>
          ))}
        </div>
      );
    }
    case 'multi_choice':
      return (
        <div role="group" class="choices" {...withoutInvalid(labelled)}>
          {options.map(({ value, label }, at) => (
            <label key={value} class="choice">
              <input
                type="checkbox" id={at === 0 ? id : `${id}-${at}`} checked={draft[value] === chosen}
                onChange={(event) => { onDraft({ ...draft, [value]: event.currentTarget.checked ? chosen : '' }); }}
              />
              {label}
            </label>
          ))}
        </div>
      );
    case 'date':
      return (
        <div role="group" class="parts" {...withoutInvalid(labelled)}>
          <LabelledPart id={id} label={w.day} isNumber {...part('day')} />
          <LabelledPart id={`${id}-month`} label={w.month} isNumber {...part('month')} />
          <LabelledPart id={`${id}-year`} label={w.year} isNumber {...part('year')} />
        </div>
      );
    case 'time_range':
      return (
        <div role="group" class="parts" {...withoutInvalid(labelled)}>
          <LabelledPart id={id} label={w.from} {...part('from')} />
          <LabelledPart id={`${id}-until`} label={w.until} {...part('until')} />
        </div>
      );
    case 'file':
      return <FileControl id={id} draft={draft} onDraft={onDraft} files={files} described={labelled} />;
  }
}

/** Code points from which on a text gets more than a line. */
const longText = 200;

/** A group is not valid or invalid to a reader: its message is its description. */
function withoutInvalid(described: Described & { readonly 'aria-labelledby': string }) {
  return { ...described, 'aria-invalid': undefined };
}

interface TextProps extends Described { readonly id: string; readonly value: string; readonly onChange: (text: string) => void }

/** Never a spinbutton, whose value changes under a wheel. */
function TextPart(
  { id, type, isLong = false, value, onChange, ...described }: TextProps & {
    readonly type: 'text' | 'email' | 'number'; readonly isLong?: boolean;
  },
) {
  const change = (event: { readonly currentTarget: { readonly value: string } }): void => { onChange(event.currentTarget.value); };
  if (isLong) return <textarea id={id} rows={4} value={value} onInput={change} dir="auto" {...described} />;
  const mode = type === 'number' ? 'numeric' as const : type === 'email' ? 'email' as const : 'text' as const;
  return (
    <input
      id={id} type="text" inputMode={mode} autocomplete={type === 'email' ? 'email' : 'off'} value={value} onInput={change} dir="auto"
      {...described}
    />
  );
}

function LabelledPart(
  { id, label, isNumber = false, value, onChange }: TextProps & { readonly label: string; readonly isNumber?: boolean },
) {
  return (
    <div class="field part">
      <label for={id}>{label}</label>
      <input
        id={id} type="text" {...(isNumber ? { inputMode: 'numeric' as const } : {})} autocomplete="off" value={value}
        onInput={(event) => { onChange(event.currentTarget.value); }}
      />
    </div>
  );
}
