import { expect, it } from 'vitest';
import { formatLine } from '../../lib/cli/terminal-line.ts';

function terminal({ columns = 60, isTTY = true, hasColor = false } = {}): NodeJS.WriteStream {
  const properties = { isTTY, columns, getColorDepth: () => (hasColor ? 8 : 1), on() {}, write() {} };
  return properties as unknown as NodeJS.WriteStream;
}

it.each([
  [
    '  scopes     im:message.group_at_msg:readonly, im:message.p2p_msg:readonly, im:message',
    '  scopes     im:message.group_at_msg:readonly,\n             im:message.p2p_msg:readonly, im:message',
  ],
  [
    '✗ Scopes not granted: im:message.group_at_msg:readonly, im:message:send_as_bot',
    '✗ Scopes not granted: im:message.group_at_msg:readonly,\n  im:message:send_as_bot',
  ],
  ['✓ A version is published', '✓ A version is published'],
  // A link stays in one piece.
  [`? See https://example.com/${'a'.repeat(60)} there`, `? See\n  https://example.com/${'a'.repeat(60)}\n  there`],
])('wraps %j between words', (line, wrapped) => {
  expect(formatLine(line, terminal())).toBe(wrapped);
  expect(formatLine(line, terminal({ columns: 120 }))).toBe(line);
  expect(formatLine(line, terminal({ isTTY: false }))).toBe(line);
});

it('colors the mark, and nothing else', () => {
  const colored = (line: string) => formatLine(line, terminal({ hasColor: true }));
  expect(colored('✗ No version is published')).toBe('\u001b[31m✗\u001b[39m No version is published');
  expect(colored('+ scope im:chat:read')).toBe('\u001b[32m+\u001b[39m scope im:chat:read');
  expect(colored('A new app will be offered this:')).toBe('A new app will be offered this:');
  expect(colored('--all sets them')).toBe('--all sets them');
});

it('does not wrap in a terminal that is too narrow', () => {
  const line = '  scopes     im:message.group_at_msg:readonly, im:message';
  expect(formatLine(line, terminal({ columns: 30 }))).toBe(line);
});
