import { splitMarkdown } from './split-text.ts';

/** The row below the header of a table. */
const TABLE = /^ {0,3}\|?(?=.*-)[ :|-]*\|[ :|-]*$/;
const FENCE = /^ {0,3}(`{3,}|~{3,})/;
/** The platform rejects cards with more tables. */
const MAXIMUM_TABLES = 3;

/**
 * Splits an answer into the texts of several messages. If text is added at the end, the texts of all parts but the last
 * two stay the same.
 *
 * @param maximumBytes the size of a part, as JSON in UTF-8
 * @returns at least one part
 */
export function splitAnswer(text: string, maximumBytes: number): string[] {
  return splitTables(text).flatMap((part) => splitMarkdown(part, maximumBytes));
}

/** Begins a part with every fourth table. */
function splitTables(text: string): string[] {
  const lines = text.split('\n');
  const parts: string[] = [];
  let begin = 0;
  let tables = 0;
  let fence: string | undefined;
  for (const [index, line] of lines.entries()) {
    const [, mark] = FENCE.exec(line) ?? [];
    if (mark !== undefined && (fence === undefined || mark.startsWith(fence)))
      fence = fence === undefined ? mark : undefined;
    const isTable = fence === undefined && index > begin && TABLE.test(line) && (lines[index - 1] ?? '').includes('|');
    if (!isTable) continue;
    tables += 1;
    if (tables <= MAXIMUM_TABLES) continue;
    parts.push(
      lines
        .slice(begin, index - 1)
        .join('\n')
        .trimEnd(),
    );
    begin = index - 1;
    tables = 1;
  }
  return [...parts, lines.slice(begin).join('\n')];
}
