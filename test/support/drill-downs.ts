/** Every figure of a report that has a list behind it, with the number that the list must have. */
import type { Body } from './person.ts';

export interface Figure { readonly place: string; readonly number: number; readonly path: string }

/** The figure that a `drill_down` stands beside. */
const mainFigures = ['count', 'sessions', 'total_sessions', 'drop_off_count'] as const;

export function figuresWithLists(report: Body, place = ''): Figure[] {
  if (typeof report !== 'object' || report === null) return [];
  const own: Figure[] = [];
  if (typeof report.drill_down === 'string') {
    const main = mainFigures.find((name) => typeof report[name] === 'number');
    if (main === undefined) throw new Error(`${place}: a drill_down beside no figure`);
    own.push({ place: `${place}/${main}`, number: report[main], path: report.drill_down });
  }
  for (const [name, path] of Object.entries(report.drill_downs ?? {})) {
    if (typeof report[name] !== 'number') throw new Error(`${place}: ${name} is no figure`);
    own.push({ place: `${place}/${name}`, number: report[name], path: String(path) });
  }
  return [...own, ...Object.entries(report).flatMap(([name, member]) => figuresWithLists(member, `${place}/${name}`))];
}
