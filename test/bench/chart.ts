import { type Comparison, meetsTarget, ratioOf } from './report.ts';

const ROW = 26;
const TOP = 64;
const NAME_WIDTH = 560;
const BAR_WIDTH = 300;
/** Longer bars are cut off; the figure next to the bar shows the value. */
const LARGEST = 2.5;

/**
 * Draws the cost of this project as bars, and that of the alternatives as a line. The chart works on light and dark pages
 * and loads nothing.
 *
 * @returns an SVG
 */
export function drawChart(comparisons: readonly Comparison[]): string {
  const compared = comparisons.filter(({ alternative }) => alternative !== undefined);
  const height = TOP + compared.length * ROW + 16;
  const one = NAME_WIDTH + BAR_WIDTH / LARGEST;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${NAME_WIDTH + BAR_WIDTH + 70} ${height}" role="img" aria-label="Cost relative to the alternatives">
  <style>
    text { font: 13px system-ui, sans-serif; fill: #1f2328; }
    .small { font-size: 12px; fill: #59636e; }
    .bar { fill: #1a7f64; }
    .missed { fill: #bc4c00; }
    line { stroke: #59636e; stroke-dasharray: 4 3; }
    @media (prefers-color-scheme: dark) {
      text { fill: #f0f6fc; }
      .small { fill: #9198a1; }
      .bar { fill: #3fb98f; }
      .missed { fill: #db6d28; }
      line { stroke: #9198a1; }
    }
  </style>
  <text x="8" y="24">Cost of feishu-events relative to the alternative (shorter is better)</text>
  <text x="${one}" y="48" text-anchor="middle" class="small">alternative = 1</text>
  <line x1="${one}" y1="${TOP - 8}" x2="${one}" y2="${height - 12}"/>
${compared.map((comparison, index) => drawRow(comparison, TOP + index * ROW)).join('\n')}
</svg>
`;
}

function drawRow(comparison: Comparison, y: number): string {
  const { measure, alternative, isHigherBetter } = comparison;
  const ratio = ratioOf(comparison);
  // For events a second, the cost is the time per event.
  const cost = isHigherBetter ? 1 / ratio : ratio;
  const width = (Math.min(cost, LARGEST) / LARGEST) * BAR_WIDTH;
  const style = meetsTarget(comparison) ? 'bar' : 'bar missed';
  return `  <text x="8" y="${y + 14}">${escapeText(measure)} <tspan class="small">vs. ${escapeText(alternative?.name ?? '')}</tspan></text>
  <rect x="${NAME_WIDTH}" y="${y + 2}" width="${width.toFixed(1)}" height="16" rx="3" class="${style}"/>
  <text x="${(NAME_WIDTH + width + 8).toFixed(1)}" y="${y + 14}" class="small">${cost.toFixed(2)}</text>`;
}

function escapeText(text: string): string {
  return text.replace(/[<>&]/g, (character) => `&#${character.charCodeAt(0)};`);
}
