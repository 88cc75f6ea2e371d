/** Lines of code end at a length that fits beside another file on a screen. */
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

const most = 140;
/** What cannot be broken: one regular expression, and the line that opens a test, whose title is one sentence. */
const whole = [/^\s*(?:const \w+ = )?\/.*\/[a-z]*[,;]?$/, /^\s*(?:test|describe|\](?: as const)?\))(?:\.\w+)?\(['"`]/];

/** One line for each that is longer, as `file:line: length`. */
export function longLines(project: string): string[] {
  const files = globSync('**/*.{ts,tsx,css,js,cjs}', {
    cwd: project, exclude: ['node_modules/**', '.local/**', 'coverage/**'],
  });
  return files.sort().flatMap((file) => readFileSync(join(project, file), 'utf8').split('\n').flatMap((line, at) => (
    line.length > most && !whole.some((form) => form.test(line)) ? [`${file}:${at + 1}: ${line.length} characters, of at most ${most}`] : []
  )));
}
