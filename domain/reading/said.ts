/** What is said back: a value in full, what was left out, and what to ask when a text can mean more than one thing. */
import type { QuestionTexts } from '../flow.ts';
import { isList, type Json } from '../json.ts';
import { labelOf, type Asked } from './asked.ts';
import { partsOf, weekdayOf } from './calendar.ts';
import { languageOf } from './languages/index.ts';
import type { Language } from './languages/language.ts';
import type { Reading } from './read-text.ts';

/** A value as the session's language says it, so that reading it gives the value again: "24 people", "Monday 30 November 2026". */
export function display(value: Json, asked: Asked): string {
  const language = languageOf(asked.language);
  const { speech } = language;
  if (value === null) return speech.skipped.replace(/[.।]$/, '');
  if (asked.rule.pii) return masked(value);
  if (typeof value === 'boolean') return value ? speech.yes : speech.no;
  if (typeof value === 'number') return counted(value, asked, language);
  if (isList(value)) return value.length === 0 ? speech.none : speech.list(value.map((option) => shown(textOf(option), asked)));
  if (typeof value === 'object') return speech.range(textOf(value['start']), textOf(value['end']));
  if (asked.rule.type === 'date') return longDate(value, language);
  return asked.rule.type === 'single_choice' ? shown(value, asked) : value;
}

/** What the clerk answers to a reading, before the next question or the retry text, which whoever asks it adds. '' for nothing. */
export function reply(reading: Reading, asked: Asked, texts: Pick<QuestionTexts, 'help' | 'retry_text'>): string {
  const { speech } = languageOf(asked.language);
  const say = (value: Json): string => display(value, asked);
  switch (reading.kind) {
    case 'value':
      return [
        speech.sentence(say(reading.value)), ...reading.corrected.map(({ from, to }) => speech.corrected(from, to)),
        ...(reading.leftOut.length === 0 || asked.rule.pii ? [] : [speech.leftOut(reading.leftOut.join(', '))]),
      ].join(' ');
    case 'ambiguous':
      return ambiguityQuestion(reading.candidates, asked);
    case 'help':
      return [texts.help ?? texts.retry_text, ...optionsOf(asked)].join(' ');
    case 'skip':
      return speech.skipped;
    case 'cannot_skip':
      return `${speech.cannotSkip} ${texts.retry_text}`;
    case 'not_understood':
      return texts.retry_text;
  }
}

/** "Do you mean 05:00 to 09:00 or 17:00 to 21:00?" */
export function ambiguityQuestion(candidates: readonly Json[], asked: Asked): string {
  const { speech } = languageOf(asked.language);
  return speech.doYouMean(speech.choice(candidates.map((value) => display(value, asked))));
}

function optionsOf(asked: Asked): readonly string[] {
  const { speech } = languageOf(asked.language);
  const { options } = asked.rule;
  return options.length === 0 ? [] : [speech.options(speech.choice(options.map((option) => shown(option, asked))))];
}

function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : '';
}

function shown(option: string, { labels, language }: Asked): string {
  return labelOf(labels, language, option) ?? labelOf(labels, languageOf(language).tag, option) ?? option;
}

function longDate(date: string, { speech }: Language): string {
  const { year, month, day } = partsOf(date);
  const [weekday, name] = [speech.weekdays[weekdayOf(date)], speech.months[month - 1]];
  return weekday === undefined || name === undefined ? date : speech.date(weekday, day, name, year);
}

function counted(value: number, { prompt }: Asked, language: Language): string {
  const number = numberText(value, language);
  const thing = language.counted.exec(prompt)?.[1];
  return thing === undefined ? number : language.speech.count(number, thing);
}

/** Three digits behind the mark could be thousands: a fourth says that they are not. */
function numberText(value: number, { writing: { decimal, group, lakhs } }: Language): string {
  const [whole = '', fraction] = String(value).split('.');
  const grouped = whole.includes('e') ? whole : whole.replace(lakhs ? /(?<=\d)(?=(?:\d\d)*\d{3}$)/g : /(?<=\d)(?=(?:\d{3})+$)/g, group);
  return fraction === undefined ? grouped : `${grouped}${decimal}${fraction.length === 3 ? `${fraction}0` : fraction}`;
}

/** Enough for the person to see that something was taken, and nothing for anybody else. */
function masked(value: Json): string {
  return typeof value === 'string' && value.includes('@') ? '•••@•••' : '•••';
}
