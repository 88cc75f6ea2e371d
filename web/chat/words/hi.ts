import { english, type Words } from './en.ts';

export const hindi: Words = { ...english, tag: 'hi' };
