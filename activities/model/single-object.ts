/**
 * The one JSON object of a model's answer. Servers that ignore the schema option wrap it in fences, prose or thoughts; that
 * costs nothing to undo. What is cut, broken or more than one object is never guessed at.
 */

const thought = /<\/?(?:think|thinking|thought|reasoning|reflection)>/gi;

/** undefined when the text does not hold exactly one whole object. */
export function singleObject(text: string): object | undefined {
  const whole = parsed(text.trim());
  if (whole !== undefined) return asObject(whole);
  const said = withoutThoughts(text);
  if (said === undefined) return undefined;
  const spans = objectSpans(said);
  const [span] = spans ?? [];
  if (span === undefined || spans?.length !== 1) return undefined;
  // an object out of a list is one of several, even when the others were cut off
  if (said.slice(0, span.from).trimEnd().endsWith('[') || said.slice(span.to).trimStart().startsWith(']')) return undefined;
  return asObject(parsed(said.slice(span.from, span.to)));
}

/** What follows the last thought; undefined when a thought never ends. Some chat templates send the closing tag alone. */
function withoutThoughts(text: string): string | undefined {
  let rest = text;
  for (const tag of text.matchAll(thought)) {
    rest = tag[0].startsWith('</') ? text.slice(tag.index + tag[0].length) : '';
  }
  return rest === '' ? undefined : rest;
}

interface Span { readonly from: number; readonly to: number }

/** The outermost pairs of braces; undefined when they do not match. Braces inside of JSON texts do not count. */
function objectSpans(text: string): readonly Span[] | undefined {
  const spans: Span[] = [];
  let [depth, from, inText] = [0, 0, false];
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (inText) {
      if (character === '\\') at += 1;
      else if (character === '"') inText = false;
    } else if (character === '{') {
      if (depth === 0) from = at;
      depth += 1;
    } else if (character === '}') {
      depth -= 1;
      if (depth < 0) return undefined;
      if (depth === 0) spans.push({ from, to: at + 1 });
    } else if (character === '"' && depth > 0) inText = true;
  }
  return depth === 0 && !inText ? spans : undefined;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined; // not JSON is an answer here, not a fault
  }
}

function asObject(value: unknown): object | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}
