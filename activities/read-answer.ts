/** Free text → a typed value for the question at hand, or null. The scripted reading; a model comes in front of it later. */
import { z } from 'zod';
import { findQuestion, labelsByLanguage } from '../domain/flow.ts';
import { readText } from '../domain/reading.ts';
import type { Reading } from '../domain/session.ts';
import { flowVersion, sessionTask } from './inputs.ts';
import { defineTask } from './task.ts';

export const readAnswer = defineTask({
  name: 'readAnswer',
  input: sessionTask.extend({ flow: flowVersion, question_id: z.string(), text: z.string(), language: z.string() }),
  run: async ({ flow, question_id, text, language }, { flows }): Promise<Reading | null> => {
    const definition = await flows.version(flow.id, flow.version);
    const question = findQuestion(definition.rules, question_id);
    const read = question === null ? null : readText(question, labelsByLanguage(definition, question_id), text, language);
    return read === null ? null : { question_id, value: read.value };
  },
});
