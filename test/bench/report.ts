export interface SuiteOptions {
  isQuick: boolean;
}

/** Measures something. It takes its time: nothing else should run on the machine. */
export type Suite = (options: SuiteOptions) => Promise<Report>;

export interface Report {
  columns: string[];
  rows: { name: string; cells: string[] }[];
  /** What a reader must know to judge the figures. */
  notes: string[];
  /** What the rows were made from. */
  samples: unknown;
  /** What the rows say, for the chart. */
  comparisons?: Comparison[];
}

/** One figure of this project beside that of an alternative. */
export interface Comparison {
  measure: string;
  unit: string;
  ours: number;
  /** `undefined`: nothing to compare with. */
  alternative?: { name: string; value: number };
  /** Whether a large figure is the good one, as with events a second. */
  isMoreBetter?: boolean;
  /** What ours ÷ the alternative's is to be: at least this much where more is better, else at most. */
  reach?: number;
}

/** A report of one row for each comparison. */
export function reportComparisons(comparisons: Comparison[], notes: string[], samples: unknown): Report {
  return {
    columns: ['ours', 'against', 'theirs', 'ratio', 'to reach'],
    rows: comparisons.map((comparison) => {
      const { measure, unit, ours, alternative } = comparison;
      const cells = alternative
        ? [alternative.name, write(alternative.value, unit), ratioOf(comparison).toFixed(2), writeReach(comparison)]
        : ['–', '–', '–', '–'];
      return { name: measure, cells: [write(ours, unit), ...cells] };
    }),
    notes,
    samples,
    comparisons,
  };
}

/** One report of several of {@link reportComparisons}. */
export function joinReports(reports: Report[]): Report {
  return reportComparisons(
    reports.flatMap(({ comparisons = [] }) => comparisons),
    reports.flatMap(({ notes }) => notes),
    reports.map(({ samples }) => samples),
  );
}

/** Ours ÷ the alternative's. */
export function ratioOf({ ours, alternative }: Comparison): number {
  return ours / (alternative?.value ?? Number.NaN);
}

export function hasReached(comparison: Comparison): boolean {
  const { reach, isMoreBetter } = comparison;
  if (reach === undefined) return true;
  return isMoreBetter ? ratioOf(comparison) >= reach : ratioOf(comparison) <= reach;
}

function writeReach(comparison: Comparison): string {
  const { reach, isMoreBetter } = comparison;
  if (reach === undefined) return '–';
  const bound = `${isMoreBetter ? '≥' : '≤'} ${reach}`;
  return hasReached(comparison) ? bound : `${bound}, **missed**`;
}

function write(value: number, unit: string): string {
  const digits = value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return `${value.toFixed(Number.isInteger(value) ? 0 : digits)} ${unit}`.trim();
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** @param share from 0 to 1; between two values, the line between them */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  const position = share * (sorted.length - 1);
  const lower = sorted[Math.floor(position)] ?? Number.NaN;
  const upper = sorted[Math.ceil(position)] ?? Number.NaN;
  return lower + (upper - lower) * (position % 1);
}
