declare global {
  interface JSON {
    // TypeScript's library does not know these yet.
    rawJSON(text: string): unknown;
    isRawJSON(value: unknown): value is { readonly rawJSON: string };
    parse(text: string, reviver: (key: string, value: unknown, context: { source: string }) => unknown): unknown;
  }
}

/** Parses JSON so that `JSON.stringify` writes integers above 2^53 as they came. */
export function parseExactly(text: string): unknown {
  return JSON.parse(text, (_key, value, { source }) =>
    typeof value === 'number' && !Number.isSafeInteger(value) ? JSON.rawJSON(source) : value,
  );
}
