import type { Speech } from '../language.ts';

const months = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const weekdays = ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'];

export const speech: Speech = {
  yes: 'Yes',
  no: 'No',
  months,
  weekdays,
  date: (weekday, day, month, year) => `${weekday} ${day} ${month} ${year}`,
  range: (start, end) => `${start} to ${end}`,
  list: (items) => joined(items, 'and'),
  choice: (items) => joined(items, 'or'),
  count: (number, thing) => (number === '1' ? number : `${number} ${thing}`),
  sentence: (text) => (/[.!?]$/.test(text) ? text : `${text}.`),
  leftOut: (words) => `I left out “${words}”.`,
  corrected: (from, to) => `I read “${from}” as “${to}”.`,
  doYouMean: (choice) => `Do you mean ${choice}?`,
  skipped: 'Skipped.',
  cannotSkip: 'This one is needed to go on.',
  options: (list) => `You can choose ${list}.`,
  none: 'None of them',
  preparing: 'That was the last question. Your configuration is being prepared.',
  ready: 'Your configuration is ready and waits for approval.',
  files: {
    rejected: 'That file was not taken. Please send another one.',
    deleted: 'That file was deleted.',
    delayed: 'Your file is safe. Checking it takes longer than usual.',
    not_checked: 'Your file could not be checked, so nobody can open it. Please send another one, or go on without it.',
  },
};

function joined(items: readonly string[], word: string): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1) ?? ''}`;
}
