/** A name or a free text: taken as it is, without the frame that people put around a name. */
import { languages } from './languages/index.ts';

/** Frames can stand in frames, but nobody means more than this. */
const mostFrames = 5;
/** UTF-16 units; what is longer is no name, and the patterns stay quick. */
const longestFramed = 500;

/** "Its name is Lotus Store" → "Lotus Store". A text without a certain frame stays as it was written. */
export function unframed(text: string): string {
  if (text.length > longestFramed) return text;
  let name = text;
  for (let round = 0; round < mostFrames; round += 1) {
    const inner = withoutFrame(name);
    if (inner === null) return name;
    name = inner;
  }
  return name;
}

function withoutFrame(text: string): string | null {
  for (const { nameFrames } of languages) {
    for (const frame of nameFrames) {
      const name = frame.exec(text.trim())?.[1]?.trim();
      const bare = name === undefined ? '' : unquoted(name);
      if (/[\p{L}\p{N}]/u.test(bare)) return bare;
    }
  }
  return null;
}

function unquoted(name: string): string {
  return /^(?:"([^"]+)"|“([^”]+)”|'([^']+)'|‘([^’]+)’)[.।]?$/u.exec(name)?.slice(1).find((inner) => inner !== undefined) ?? name;
}
