import { chmod, readFile, realpath, rename, rm, writeFile } from 'node:fs/promises';
import { parseEnv } from 'node:util';
import { readAssignments } from './environment-assignments.ts';

/** Ends the name of a file that replaces the original when it is complete. */
const NEW = '.new';

/**
 * Sets variables in a `.env` file, which only its owner can read afterwards. Everything else in it stays: other variables,
 * comments and their order. If the process ends meanwhile, the file has either its old or its new content.
 *
 * @param file is created if it does not exist; may be a symbolic link
 * @throws {TypeError} if a value contains a line feed or each kind of quotes
 */
export async function changeEnvironmentFile(file: string, values: Readonly<Record<string, string>>): Promise<void> {
  const target = await realpath(file).catch(() => file);
  const text = await readFile(target, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  const changed = Object.entries(values).reduce((content, [name, value]) => setVariable(content, name, value), text);
  const temporary = target + NEW;
  try {
    await writeFile(temporary, changed, { mode: 0o600 });
    // If the file remained from an interrupted change, its mode is not new.
    await chmod(temporary, 0o600);
    await rename(temporary, target);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}

/**
 * Sets a variable in the text of a `.env` file: in place, or after a comment such as `# NAME=…`, or at the end.
 *
 * @throws {TypeError} if the value contains a line feed or each kind of quotes
 */
export function setVariable(text: string, name: string, value: string): string {
  const written = quote(name, value);
  const assignments = [...readAssignments(text)].filter((entry) => 'name' in entry);
  // The last one counts.
  const last = assignments.findLast((assignment) => assignment.name === name);
  if (last !== undefined) return text.slice(0, last.valueStart) + written + text.slice(last.valueEnd);
  const line = `${name}=${written}\n`;
  const placeholder = new RegExp(`^[^\\S\\n]*#[^\\S\\n]*${name}=.*(\\n|$)`, 'm').exec(text);
  if (placeholder === null) return `${endLine(text)}${line}`;
  const end = placeholder.index + placeholder[0].length;
  return `${endLine(text.slice(0, end))}${line}${text.slice(end)}`;
}

function endLine(text: string): string {
  return text === '' || text.endsWith('\n') ? text : `${text}\n`;
}

/** Writes a value so that `parseEnv` reads exactly it. */
function quote(name: string, value: string): string {
  if (/^[^\s'"`#]*$/.test(value)) return value;
  const forms = ["'", '`', '"'].filter((mark) => !value.includes(mark)).map((mark) => `${mark}${value}${mark}`);
  // Between double quotes, `\n` is a line feed.
  const found = forms.find((form) => !value.includes('\n') && parseEnv(`${name}=${form}`)[name] === value);
  if (found === undefined) throw new TypeError(`The value of ${name} cannot be written to .env.`);
  return found;
}
