/** Reading fields of whatever was thrown: getters may throw, values may be of any type, texts may be endless. */

export interface Fields {
  get(field: string): unknown;
  /** Not empty, cut to `longest` UTF-16 units. */
  text(field: string, longest?: number): string | undefined;
  /** An integer. */
  integer(field: string): number | undefined;
  in(field: string): Fields;
}

const maxWord = 200;

export function fieldsOf(object: unknown): Fields {
  if (object === null || (typeof object !== 'object' && typeof object !== 'function')) return nothing;
  const get = (field: string): unknown => {
    try {
      return (object as Readonly<Record<string, unknown>>)[field];
    } catch {
      return undefined;
    }
  };
  return {
    get,
    text: (field, longest = maxWord) => {
      const value = get(field);
      return typeof value === 'string' && value !== '' ? cut(value, longest) : undefined;
    },
    integer: (field) => {
      const value = get(field);
      return Number.isInteger(value) ? Number(value) : undefined;
    },
    in: (field) => fieldsOf(get(field)),
  };
}

const nothing: Fields = { get: () => undefined, text: () => undefined, integer: () => undefined, in: () => nothing };

/** What `object.method(argument)` returns; undefined when there is no such method or it throws. */
export function askedOf(object: unknown, method: string, argument: string): unknown {
  const called = fieldsOf(object).get(method);
  if (typeof called !== 'function') return undefined;
  try {
    return Reflect.apply(called, object, [argument]) as unknown;
  } catch {
    return undefined;
  }
}

/** String(value), or '' where even that throws. */
export function textOf(value: unknown): string {
  try {
    return String(value);
  } catch {
    return '';
  }
}

/** At most `longest` UTF-16 units, never half a character. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : text.slice(0, longest).toWellFormed();
}
