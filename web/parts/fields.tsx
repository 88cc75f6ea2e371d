/** Controls of forms, each with its label, its hint and what is wrong with it. */
import type { ComponentChildren } from 'preact';
import type { FieldError } from './alerts.tsx';

interface Described { readonly 'aria-invalid'?: true; readonly 'aria-describedby'?: string }

interface FieldProps {
  readonly id: string;
  readonly label: string;
  readonly hint?: string | undefined;
  readonly errors: readonly FieldError[];
  readonly children: (described: Described) => ComponentChildren;
}

export function Field({ id, label, hint, errors, children }: FieldProps) {
  const error = errors.find(({ field }) => field === id);
  const descriptions = [...(hint === undefined ? [] : [`${id}-hint`]), ...(error === undefined ? [] : [`${id}-error`])];
  const described: Described = {
    ...(error === undefined ? {} : { 'aria-invalid': true }),
    ...(descriptions.length === 0 ? {} : { 'aria-describedby': descriptions.join(' ') }),
  };
  return (
    <div class={error === undefined ? 'field' : 'field wrong'}>
      <label for={id}>{label}</label>
      {hint === undefined ? null : <p class="hint" id={`${id}-hint`}>{hint}</p>}
      {error === undefined ? null : <p class="error" id={`${id}-error`}>{error.message}</p>}
      {children(described)}
    </div>
  );
}

interface TextProps extends Omit<FieldProps, 'children'> {
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly numeric?: boolean;
  readonly rows?: number;
  readonly placeholder?: string | undefined;
}

/** A text, or with `numeric` a number: never a spinbutton, whose value changes under a wheel. */
export function TextField({ id, label, hint, errors, value, onChange, numeric = false, rows = 1, placeholder }: TextProps) {
  const change = (event: { readonly currentTarget: { readonly value: string } }): void => { onChange(event.currentTarget.value); };
  return (
    <Field id={id} label={label} hint={hint} errors={errors}>
      {(described) => (rows > 1
        ? <textarea id={id} rows={rows} value={value} onInput={change} spellcheck={false} placeholder={placeholder} {...described} />
        : (
          <input
            id={id} type="text" value={value} onInput={change} autocomplete="off" placeholder={placeholder}
            {...(numeric ? { inputMode: 'numeric' as const } : {})} {...described}
          />
        ))}
    </Field>
  );
}
