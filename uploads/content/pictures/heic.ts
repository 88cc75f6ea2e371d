/**
 * HEIC: a still picture of HEVC, and nothing else that comes in the same container (AVIF, sequences). The largest of the sizes that
 * it declares counts: a photo has its own, those of its tiles and of its thumbnail.
 */
import { boxesIn, boxesOf, type Box } from '../boxes.ts';
import { BrokenFileError, type FileWindow } from '../file-window.ts';
import type { Dimensions } from './dimensions.ts';

const stills = new Set(['heic', 'heix', 'heim', 'heis']);
const otherBrands = new Set(['avif', 'avis', 'hevc', 'hevx', 'hevm', 'hevs', 'msf1']);
const brandsMax = 64;
/** Contents of these begin with four bytes of version and flags. */
const fullBoxHeader = 4;

export async function readHeic(window: FileWindow): Promise<Dimensions> {
  let brands: readonly string[] = [];
  let largest: Dimensions | null = null;
  for await (const box of boxesOf(window)) {
    if (box.type === 'ftyp') brands = await brandsOf(window, box);
    if (box.type === 'moov') throw new BrokenFileError('It holds a sequence of pictures.');
    if (box.type === 'meta') largest = await largestIn(window, box) ?? largest;
  }
  const [major = ''] = brands;
  if (otherBrands.has(major) || brands.includes('avif') || !brands.some((brand) => stills.has(brand))) {
    throw new BrokenFileError('It is no single HEIC picture.');
  }
  if (largest === null) throw new BrokenFileError('There is no picture in it.');
  return largest;
}

/** The one that it goes by first, then those it goes with. */
async function brandsOf(window: FileWindow, { start, end }: Box): Promise<string[]> {
  const bytes = await window.at(start, Math.min(end - start, 4 * brandsMax));
  const all = Array.from({ length: Math.floor(bytes.length / 4) }, (_, index) => bytes.toString('latin1', 4 * index, 4 * index + 4));
  return all.filter((_, index) => index !== 1);
}

async function largestIn(window: FileWindow, meta: Box): Promise<Dimensions | null> {
  let largest: Dimensions | null = null;
  for await (const properties of boxesIn(window, meta.start + fullBoxHeader, meta.end)) {
    if (properties.type !== 'iprp') continue;
    for await (const container of boxesIn(window, properties.start, properties.end)) {
      if (container.type !== 'ipco') continue;
      for await (const property of boxesIn(window, container.start, container.end)) {
        if (property.type !== 'ispe') continue;
        const extent = await window.at(property.start + fullBoxHeader, 8);
        const found = { width: extent.readUInt32BE(0), height: extent.readUInt32BE(4) };
        if (largest === null || found.width * found.height > largest.width * largest.height) largest = found;
      }
    }
  }
  return largest;
}
