/** Arguments of the scripts. One that is not known is refused with the usage: what somebody meant by it would silently not happen. */
import { parseArgs, type ParseArgsConfig } from 'node:util';

type Options = NonNullable<ParseArgsConfig['options']>;

/** What a command line says cannot be meant; its message is the whole story. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Values of the options. Throws UsageError for an option or a word that is not known. */
export function optionsOf<const T extends Options>(argv: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...argv], options, strict: true }).values;
  } catch (error) {
    throw new UsageError(firstSentence(error), { cause: error });
  }
}

/** For a script without arguments, or with none beside `options`: tells what is wrong with the usage below it, and ends with code 2. */
export function optionsOrEnd<const T extends Options>(usage: string, options: T) {
  try {
    return optionsOf(process.argv.slice(2), options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    endWithUsage(error, usage);
  }
}

export function endWithUsage(error: UsageError, usage: string): never {
  process.stderr.write(`${error.message}\n\n${usage}\n`);
  process.exit(2);
}

/** Node goes on with advice on positional arguments. */
function firstSentence(error: unknown): string {
  const [first = ''] = (error instanceof Error ? error.message : String(error)).split(/\. (?=[A-Z])/);
  return first.endsWith('.') ? first : `${first}.`;
}
