/** `NAME=value` in a `.env` file, as `parseEnv` reads it. Positions are those in the text. */
export interface Assignment {
  name: string;
  /** Of the value with its quotes, without spaces and the comment behind it. */
  valueStart: number;
  valueEnd: number;
}

/** A line that `parseEnv` would ignore or cut. */
export interface EnvironmentMistake {
  /** Starting at 1. */
  line: number;
  description: string;
}

/** Reads the lines of a `.env` file, in order. A value in quotes may have several lines. */
export function* readAssignments(text: string): Generator<Assignment | EnvironmentMistake> {
  const lineAt = (index: number) => text.slice(0, index).split('\n').length;
  let index = 0;
  while (index < text.length) {
    const end = text.indexOf('\n', index);
    const lineEnd = end === -1 ? text.length : end;
    const line = text.slice(index, lineEnd);
    const start = index;
    index = lineEnd + 1;
    if (/^\s*(#.*)?$/.test(line)) continue;
    const assignment = /^\s*(?:export\s+)?([\w.-]+)[^\S\n]*=[^\S\n]*/.exec(line);
    if (assignment === null) {
      yield { line: lineAt(start), description: 'not NAME=value. Start a comment with #.' };
      continue;
    }
    const [prefix, name = ''] = assignment;
    const valueStart = start + prefix.length;
    const quote = text[valueStart];
    if (quote !== '"' && quote !== "'" && quote !== '`') {
      const value = text.slice(valueStart, lineEnd).replace(/\s*(#.*)?$/, '');
      yield { name, valueStart, valueEnd: valueStart + value.length };
      continue;
    }
    const closing = text.indexOf(quote, valueStart + 1);
    if (closing === -1) {
      yield { line: lineAt(start), description: `the closing ${quote} is missing.` };
      return;
    }
    const nextEnd = text.indexOf('\n', closing);
    index = nextEnd === -1 ? text.length : nextEnd + 1;
    if (/^\s*(#.*)?$/.test(text.slice(closing + 1, nextEnd === -1 ? text.length : nextEnd))) {
      yield { name, valueStart, valueEnd: closing + 1 };
    } else {
      yield {
        line: lineAt(closing),
        description: `text follows the closing ${quote}. Remove that text, or put the whole value in quotes.`,
      };
    }
  }
}
