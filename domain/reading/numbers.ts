/** Numbers, in digits and in the words of any language: "1,200", "two hundred and five", "साढ़े तीन सौ", "do hundred". */
import type { Writing } from './languages/language.ts';
import { after, matchOf, type View } from './view.ts';

export interface NumberSpan { readonly to: number; readonly values: readonly number[] }

/** The number that begins at a token, as long as it goes. Two values: its marks can be read in two ways. */
export function numberAt(view: View, at: number, writing: Writing): NumberSpan | null {
  const minus = matchOf(view, at, 'minus')?.to ?? (isSign(view, at) ? at + 1 : null);
  const span = positiveAt(view, minus ?? at, writing);
  return span === null || minus === null ? span : { to: span.to, values: span.values.map((value) => 0 - value) };
}

/** "-5", where nothing stands before the sign that it could join. */
function isSign({ tokens }: View, at: number): boolean {
  const [sign, next] = tokens.slice(at, at + 2);
  return sign !== undefined && /^[-−]$/.test(sign.text) && !sign.joined && next?.joined === true;
}

function positiveAt(view: View, at: number, writing: Writing): NumberSpan | null {
  const literal = literalAt(view, at, writing);
  if (literal === null) return inWords(view, at, null);
  const [value] = literal.values;
  if (literal.values.length !== 1 || value === undefined) return literal;
  const suffix = matchOf(view, literal.to, 'suffix');
  if (suffix !== null) return { to: suffix.to, values: [exact(value * suffix.meaning.value)] };
  return matchOf(view, literal.to, 'scale', 'scales') === null ? literal : inWords(view, literal.to, value);
}

function literalAt({ tokens }: View, at: number, writing: Writing): NumberSpan | null {
  const [first, second] = tokens.slice(at, at + 2);
  const isFraction = /^[.,]$/.test(first?.text ?? '') && second?.kind === 'digits' && second.joined;
  if (first === undefined || (first.kind !== 'digits' && !isFraction)) return null;
  let to = at + 1;
  let written = first.text;
  for (;;) {
    const [mark, digits] = [tokens[to], tokens[to + 1]];
    if (mark?.joined !== true) break;
    const isMarked = /^[.,]$/.test(mark.text) && digits?.joined === true && digits.kind === 'digits';
    if (mark.kind === 'digits') [written, to] = [written + mark.text, to + 1];
    else if (isMarked) [written, to] = [written + mark.text + digits.text, to + 2];
    else break;
  }
  return { to, values: literalValues(written, writing) };
}

/**
 * 1,200 and 1,00,000 are grouped, 1.5 and 12.0 are not whole. Three digits behind a decimal mark are how half the world writes
 * thousands: 1.000 is one, or a thousand. [] for what is written as no number is.
 */
function literalValues(written: string, { decimal, group }: Writing): readonly number[] {
  const grouped = new RegExp(`^\\d{1,3}(?:\\${group}\\d{2,3})*\\${group}\\d{3}(?:\\${decimal}\\d+)?$`);
  const value = Number((grouped.test(written) ? written.replaceAll(group, '') : written).replace(decimal, '.'));
  if (!Number.isFinite(value) || value > Number.MAX_SAFE_INTEGER || (written.includes(group) && !grouped.test(written))) return [];
  const thousands = new RegExp(`^[1-9]\\d{0,2}(?:\\${decimal}\\d{3})+$`);
  return thousands.test(written) ? [value, Number(written.replaceAll(decimal, ''))] : [value];
}

/** What is counted so far: whole thousands and more, and the part below that is still growing. */
interface Counting { readonly total: number; readonly current: number | null; readonly lastScale: number }

/** @param first a number in digits that a scale follows: "2 thousand". */
function inWords(view: View, from: number, first: number | null): NumberSpan | null {
  let state: Counting = { total: 0, current: first, lastScale: Infinity };
  let at = from;
  let best: NumberSpan | null = null;
  while (at < view.tokens.length) {
    const step = scaleStep(view, at, state) ?? smallStep(view, at, state, best !== null || first !== null);
    if (step === null) break;
    [at, state] = [step.to, step.state];
    best = { to: at, values: [exact(state.total + (state.current ?? 0))] };
  }
  return best;
}

interface Step { readonly to: number; readonly state: Counting }

function scaleStep(view: View, at: number, { total, current, lastScale }: Counting): Step | null {
  const scale = matchOf(view, at, 'scale', 'scales');
  if (scale === null || (scale.meaning.is === 'scales' && current === null)) return null;
  const { to, meaning: { value } } = scale;
  const count = current ?? 1;
  if (value === 12) return total === 0 && count < 100 ? { to, state: { total: count * 12, current: 0, lastScale: 0 } } : null;
  if (value === 100) return count < 100 && count > 0 && lastScale > 100 ? { to, state: { total, current: count * 100, lastScale } } : null;
  return value < lastScale && count > 0 ? { to, state: { total: total + count * value, current: 0, lastScale: value } } : null;
}

function smallStep(view: View, at: number, state: Counting, begun: boolean): Step | null {
  const joined = begun ? after(view, at, 'and') : at;
  const small = smallAt(view, joined);
  if (small === null) return null;
  const { total, current, lastScale } = state;
  const free = current === null || (current % 100 === 0 && (current > 0 || total > 0));
  if (!free || (lastScale === 0) || (small.value === 0 && begun)) return null;
  if (!small.alone && begun && current !== null && !Number.isInteger(small.value)) return null;
  const next = matchOf(view, small.to, 'scale', 'scales');
  // 102 hundred is no number, so in "सौ दो सौ" the second one begins anew; the same with a scale that was there already
  if (begun && next !== null) {
    const scale = next.meaning.value;
    if (scale <= 100 ? (current ?? 0) >= 100 : scale >= lastScale) return null;
  }
  return { to: small.to, state: { total, current: (current ?? 0) + small.value, lastScale } };
}

/** Below a hundred, or a half more or less of one: 25, 1.5 (डेढ़), 3.5 (साढ़े तीन), half (a) dozen. */
function smallAt(view: View, at: number): { readonly to: number; readonly value: number; readonly alone: boolean } | null {
  const tens = matchOf(view, at, 'tens');
  if (tens !== null) {
    const hyphen = view.tokens[tens.to]?.text === '-' && view.tokens[tens.to]?.joined === true ? tens.to + 1 : tens.to;
    const unit = matchOf(view, hyphen, 'unit');
    return { to: unit?.to ?? tens.to, value: tens.meaning.value + (unit?.meaning.value ?? 0), alone: true };
  }
  const whole = matchOf(view, at, 'whole', 'unit', 'mixed');
  if (whole !== null) return { to: whole.to, value: whole.meaning.value, alone: whole.meaning.is !== 'mixed' };
  const offset = matchOf(view, at, 'offset');
  if (offset !== null) {
    const base = matchOf(view, offset.to, 'whole', 'unit') ?? null;
    if (base !== null) return { to: base.to, value: base.meaning.value + offset.meaning.value, alone: false };
    const digits = view.tokens[offset.to];
    if (digits?.kind === 'digits' && digits.text.length <= 2) {
      return { to: offset.to + 1, value: Number(digits.text) + offset.meaning.value, alone: false };
    }
    return matchOf(view, offset.to, 'scale') === null ? null : { to: offset.to, value: 1 + offset.meaning.value, alone: false };
  }
  const share = matchOf(view, at, 'share');
  if (share === null) return null;
  const scale = after(view, share.to, 'article');
  return matchOf(view, scale, 'scale')?.meaning.value === 12 ? { to: scale, value: share.meaning.value, alone: false } : null;
}

/** 1.1 thousand is 1100, not 1100.0000000000002. */
function exact(value: number): number {
  return Number(value.toPrecision(15));
}
