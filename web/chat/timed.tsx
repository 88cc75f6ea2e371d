/** Words with a time among them. */
import { moment } from './show.ts';
import { words } from './words.ts';

const mark = '\u0000';

export function Timed({ words: about, at }: { readonly words: (time: string) => string; readonly at: string }) {
  const [before, after] = about(mark).split(mark);
  return <>{before}<time dateTime={at}>{moment(at, words.value.tag)}</time>{after}</>;
}
