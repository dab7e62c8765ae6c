import encodeQR from 'qr';

/** Modules of light space around the code. The standard asks for 4; scanners of screens need less. */
const BORDER = 2;
/** Black on white, whatever the terminal's colors are. */
const COLORS = '\u001b[38;5;16;48;5;231m';
const RESET = '\u001b[0m';

/**
 * Renders a QR code with two modules above each other in each character.
 *
 * @param hasColor otherwise, light modules have the color of the text, which is right on a dark terminal
 * @returns one line for each two rows; all are of the same width
 */
export function renderQrCode(text: string, hasColor: boolean): string[] {
  const rows = encodeQR(text, 'raw', { ecc: 'low', border: BORDER });
  const pairs = rows.flatMap((row, index) => (index % 2 === 0 ? [[row, rows[index + 1]] as const] : []));
  return pairs.map(([upper, lower]) => {
    const line = upper.map((isDark, column) => {
      // Below the last row, there is light space.
      const [top, bottom] = [isDark, lower?.[column] ?? false].map((dark) => dark === hasColor);
      return top ? (bottom ? '█' : '▀') : bottom ? '▄' : ' ';
    });
    return hasColor ? `${COLORS}${line.join('')}${RESET}` : line.join('');
  });
}

/** Returns the number of columns that {@link renderQrCode} needs. */
export function qrCodeWidth(text: string): number {
  return encodeQR(text, 'raw', { ecc: 'low', border: BORDER }).length;
}
