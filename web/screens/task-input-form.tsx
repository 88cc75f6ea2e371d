/** The form of a task's input, and what was changed in it. */
import type { FieldError } from '../parts/alerts.tsx';
import { Field, TextField } from '../parts/fields.tsx';
import { textOf, type Change, type Edits, type InputField } from './task-input.ts';

interface TaskInputProps {
  readonly fields: readonly InputField[];
  readonly changes: readonly Change[];
  readonly edits: Edits;
  readonly errors: readonly FieldError[];
  /** Id of the control of a pointer. */
  readonly idOf: (pointer: string) => string;
  readonly onEdit: (edits: Edits) => void;
}

const rowsMax = 14;

export function TaskInput({ fields, changes, edits, errors, idOf, onEdit }: TaskInputProps) {
  return (
    <div class="halves">
      <form aria-label="Input" class="card" noValidate onSubmit={(event) => { event.preventDefault(); }}>
        <h2>Input</h2>
        <p class="hint">What is hidden stays as it is unless you type something in its place.</p>
        {fields.map((field) => (
          <InputControl
            key={field.pointer} field={field} id={idOf(field.pointer)} errors={errors} text={edits.get(field.pointer) ?? textOf(field)}
            onChange={(text) => { onEdit(new Map([...edits, [field.pointer, text]])); }}
          />
        ))}
      </form>
      <section aria-labelledby="changes" class="card">
        <h2 id="changes">Changes to the input</h2>
        {changes.length === 0 ? <p class="quiet">No changes: it is tried with the input it had.</p> : (
          <dl class="changes">
            {changes.map(({ field, text }) => (
              <div key={field.pointer}>
                <dt>{field.label}</dt>
                <dd><del>{shown(field.isHidden ? 'Hidden' : textOf(field))}</del> <ins>{shown(text)}</ins></dd>
              </div>
            ))}
          </dl>
        )}
      </section>
    </div>
  );
}

const shown = (text: string): string => (text === '' ? 'nothing' : text);

interface ControlProps {
  readonly field: InputField;
  readonly id: string;
  readonly errors: readonly FieldError[];
  readonly text: string;
  readonly onChange: (text: string) => void;
}

function InputControl({ field, id, errors, text, onChange }: ControlProps) {
  const { label, kind, choices, isHidden } = field;
  const placeholder = isHidden ? 'Hidden' : undefined;
  if (kind === 'choice') {
    // a value that is none of the choices is why one is here
    const options = [...new Set([...choices, text])];
    return (
      <Field id={id} label={label} errors={errors}>
        {(described) => (
          <select id={id} value={text} onChange={(event) => { onChange(event.currentTarget.value); }} {...described}>
            {options.map((option) => <option key={option} value={option}>{option === '' ? '(nothing)' : option}</option>)}
          </select>
        )}
      </Field>
    );
  }
  if (kind === 'boolean') {
    return (
      <Field id={id} label={label} errors={errors}>
        {(described) => (
          <input
            id={id} type="checkbox" checked={text === 'true'} onChange={(event) => { onChange(String(event.currentTarget.checked)); }}
            {...described}
          />
        )}
      </Field>
    );
  }
  return (
    <TextField
      id={id} label={label} errors={errors} value={text} onChange={onChange} placeholder={placeholder} numeric={kind === 'number'}
      rows={kind === 'json' ? Math.min(rowsMax, Math.max(3, text.split('\n').length)) : 1}
    />
  );
}
