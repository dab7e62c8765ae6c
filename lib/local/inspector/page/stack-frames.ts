import type { LogLine } from '../wire.ts';

/**
 * Returns the stack frames of an event's error, without the message.
 *
 * @param lines the event's log lines; a later one may contain the stack of another error
 */
export function framesOf(lines: readonly Pick<LogLine, 'stack'>[], lastError = ''): string[] {
  const stacks = lines.flatMap(({ stack }) => stack ?? []);
  const stack = stacks.findLast((each) => each.startsWith(lastError)) ?? stacks.at(-1) ?? '';
  return stack
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .map((line) => line.trim());
}
