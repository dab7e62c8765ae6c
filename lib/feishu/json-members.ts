/** A member of a JSON object, exactly as written. */
export interface JsonMember {
  name: string;
  /** The JSON text of the value. */
  value: string;
}

const STRUCTURE = /["{}[\],]/g;

/**
 * Splits the text of a JSON object into its members. Values are not parsed, so numbers stay exact and nesting may have
 * any depth.
 *
 * @param text valid JSON
 * @returns an empty array if it is not an object
 */
export function splitMembers(text: string): JsonMember[] {
  const object = text.trim();
  if (!object.startsWith('{')) return [];
  const members: JsonMember[] = [];
  let start = 1;
  // Stryker disable next-line EqualityOperator: there is no member after the end
  while (start < object.length) {
    const end = findEnd(object, start);
    const member = object.slice(start, end).trim();
    if (member !== '') {
      const nameEnd = findStringEnd(member, 0);
      const value = member.slice(member.indexOf(':', nameEnd) + 1).trim();
      members.push({ name: JSON.parse(member.slice(0, nameEnd)), value });
    }
    start = end + 1;
  }
  return members;
}

/** @returns the index of the comma or brace that ends the member starting at `start` */
function findEnd(object: string, start: number): number {
  let depth = 0;
  STRUCTURE.lastIndex = start;
  for (let match = STRUCTURE.exec(object); match !== null; match = STRUCTURE.exec(object)) {
    const [character] = match;
    if (character === '"') STRUCTURE.lastIndex = findStringEnd(object, match.index);
    else if (character === '{' || character === '[') depth += 1;
    else if (depth === 0) return match.index;
    else if (character !== ',') depth -= 1;
  }
  return object.length;
}

/** @returns the index after the string starting at `start` */
function findStringEnd(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (countBackslashesBefore(text, end) % 2 === 1) end = text.indexOf('"', end + 1);
  return end === -1 ? text.length : end + 1;
}

function countBackslashesBefore(text: string, index: number): number {
  let count = 0;
  while (text[index - 1 - count] === '\\') count += 1;
  return count;
}
