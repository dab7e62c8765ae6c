export interface SuiteOptions {
  isQuick: boolean;
}

/** A benchmark. Nothing else should run on the machine. */
export type Suite = (options: SuiteOptions) => Promise<Report>;

export interface Report {
  columns: string[];
  rows: { name: string; cells: string[] }[];
  /** How the figures were measured. */
  notes: string[];
  /** The raw data of the rows. */
  samples: unknown;
  /** The rows as numbers, for the chart. */
  comparisons?: Comparison[];
}

/** A figure of this project compared with that of an alternative. */
export interface Comparison {
  measure: string;
  unit: string;
  ours: number;
  /** `undefined` if there is no alternative. */
  alternative?: { name: string; value: number };
  /** Whether a higher figure is better, for example events a second. */
  isHigherBetter?: boolean;
  /** Target of the ratio ours ÷ alternative: a minimum if higher is better, otherwise a maximum. */
  target?: number;
  /** The quartiles of the ratio, if it varies much between repetitions. */
  ratioQuartiles?: readonly [number, number];
}

/** Creates a report with one row per comparison. */
export function reportComparisons(comparisons: Comparison[], notes: string[], samples: unknown): Report {
  return {
    columns: ['ours', 'compared with', 'theirs', 'ratio', 'target'],
    rows: comparisons.map((comparison) => {
      const { measure, unit, ours, alternative } = comparison;
      const cells = alternative
        ? [alternative.name, write(alternative.value, unit), writeRatio(comparison), writeTarget(comparison)]
        : ['–', '–', '–', '–'];
      return { name: measure, cells: [write(ours, unit), ...cells] };
    }),
    notes,
    samples,
    comparisons,
  };
}

/** Joins several reports of {@link reportComparisons} into one. */
export function joinReports(reports: Report[]): Report {
  return reportComparisons(
    reports.flatMap(({ comparisons = [] }) => comparisons),
    reports.flatMap(({ notes }) => notes),
    reports.map(({ samples }) => samples),
  );
}

/** Returns ours ÷ alternative. */
export function ratioOf({ ours, alternative }: Comparison): number {
  return ours / (alternative?.value ?? Number.NaN);
}

export function meetsTarget(comparison: Comparison): boolean {
  const { target, isHigherBetter } = comparison;
  if (target === undefined) return true;
  return isHigherBetter ? ratioOf(comparison) >= target : ratioOf(comparison) <= target;
}

function writeRatio(comparison: Comparison): string {
  const [lower, upper] = comparison.ratioQuartiles ?? [];
  const quartiles = lower === undefined || upper === undefined ? '' : ` (${lower.toFixed(2)}–${upper.toFixed(2)})`;
  return `${ratioOf(comparison).toFixed(2)}${quartiles}`;
}

function writeTarget(comparison: Comparison): string {
  const { target, isHigherBetter } = comparison;
  if (target === undefined) return '–';
  const bound = `${isHigherBetter ? '≥' : '≤'} ${target}`;
  return meetsTarget(comparison) ? bound : `${bound}, **missed**`;
}

function write(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(Number.isInteger(value) ? 0 : digits)} ${unit}`.trim();
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share from 0 to 1; interpolates linearly between two values */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const lower = sorted[Math.floor(position)] ?? Number.NaN;
  const upper = sorted[Math.ceil(position)] ?? Number.NaN;
  return lower + (upper - lower) * (position % 1);
}
