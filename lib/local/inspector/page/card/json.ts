// Reads the JSON of cards, which may contain anything.

export type JsonObject = Readonly<Record<string, unknown>>;

/** Longer texts would slow the page down. The platform accepts at most 30 KB for a whole card. */
const MAXIMUM_CHARACTERS = 30_000;

/** Returns an empty object if the value is not an object. */
export function asObject(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Returns an empty list if the value is not a list. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** Returns an empty text unless the value is a text or a number. Truncates long texts. */
export function asText(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return text.length <= MAXIMUM_CHARACTERS ? text : `${text.slice(0, MAXIMUM_CHARACTERS)}…`;
}

/** Returns an empty object if the text is not the JSON of an object. */
export function parseObject(json: string): JsonObject {
  try {
    return asObject(JSON.parse(json));
  } catch {
    return {};
  }
}
