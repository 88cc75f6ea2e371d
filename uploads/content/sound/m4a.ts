/** M4A: the tracks of an MP4, none of which is video and one of which is sound. */
import { boxesIn, boxesOf, type Box } from '../boxes.ts';
import { BrokenFileError, type FileWindow } from '../file-window.ts';

export async function checkM4a(window: FileWindow): Promise<void> {
  const handlers: string[] = [];
  for await (const box of boxesOf(window)) {
    if (box.type !== 'moov') continue;
    for await (const track of boxesIn(window, box.start, box.end)) {
      if (track.type === 'trak') handlers.push(...await handlersOf(window, track));
    }
  }
  if (handlers.includes('vide')) throw new BrokenFileError('It holds a video track.');
  if (!handlers.includes('soun')) throw new BrokenFileError('There is no sound in it.');
}

/** What a track is for. */
async function handlersOf(window: FileWindow, track: Box): Promise<string[]> {
  const handlers: string[] = [];
  for await (const media of boxesIn(window, track.start, track.end)) {
    if (media.type !== 'mdia') continue;
    for await (const part of boxesIn(window, media.start, media.end)) {
      if (part.type === 'hdlr') handlers.push((await window.at(part.start + 8, 4)).toString('latin1'));
    }
  }
  return handlers;
}
