import { type ParseArgsConfig, parseArgs } from 'node:util';

/** A mistake in the arguments of a command. Only its message is shown, without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/**
 * Reads the options and arguments of a command. Prints the usage and exits with 0 for `--help`, or with `mistakeCode` for
 * invalid arguments.
 *
 * @param usage the text that `--help` prints
 * @param config for `parseArgs`, without `--help`
 * @param mistakeCode the exit code for invalid arguments (default: 1)
 */
export function readCommandLine<const Config extends ParseArgsConfig>(
  usage: string,
  config: Config,
  mistakeCode = 1,
): ReturnType<typeof parseArgs<Config>> {
  // Before parsing, so that it works with invalid arguments too.
  if (process.argv.includes('--help')) {
    console.log(usage);
    process.exit(0);
  }
  try {
    return parseArgs(config);
  } catch (error) {
    // Node's other sentences explain how to pass such an option as an argument, which no command accepts.
    const [mistake] = (error as Error).message.split('. ');
    console.error(`${mistake}\n\n${usage}`);
    process.exit(mistakeCode);
  }
}
