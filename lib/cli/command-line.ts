import { type ParseArgsConfig, parseArgs } from 'node:util';

/** A mistake in how a program was called: the message is all a person needs. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads a program's options and arguments. Where `--help` is asked for, or where they make no sense, it prints the usage
 * and ends the program: with 0, or with the given exit code.
 *
 * @param usage what `--help` prints
 * @param config as `parseArgs` takes it, without `--help`
 * @param mistakeCode the exit code for a mistake in how the program was called
 */
export function readCommandLine<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
  mistakeCode = 1,
): ReturnType<typeof parseArgs<Config>> {
  // Before anything is parsed: it helps beside a mistake, too.
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // What Node adds after the first sentence is about passing such a word on as an argument: no program takes one.
    const [mistake] = (error as Error).message.split('. ');
    console.error(`${mistake}\n\n${usage}`);
    process.exit(mistakeCode);
  }
}
