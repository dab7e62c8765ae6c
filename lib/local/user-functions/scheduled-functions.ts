import { UsageError } from '../../cli/command-line.ts';
import { CONTINUATION } from '../../util/printable.ts';
import { formatFunctionLine } from '../functions/function-lines.ts';
import type { FunctionRun, RunRequest, ScheduledFunction } from '../inspector/wire.ts';
import { invokeFunction } from './invocation.ts';
import { createScheduledEvent, ignoredSettingsNotice, type Schedule } from './schedules.ts';
import { environmentOf, missingVariablesNotice, readUserFunctions, type UserFunction } from './user-functions.ts';

export interface ScheduledFunctionsOptions {
  /** The project's folder. */
  root: string;
  /** Returns the variables of the process and of `.env`. */
  environment: () => Record<string, string>;
  /** Called with each line that a function writes. */
  onLine: (line: string) => void;
  /** Called with each message for the user. */
  onNotice: (text: string) => void;
}

/** Limits what the page shows. The terminal shows every line. */
const MAXIMUM_OUTPUT_LINES = 200;

/**
 * Lists the user's functions that have a schedule, and runs them on request. Reads the definitions and bundles the
 * function each time, so that changes apply without a restart.
 */
export class ScheduledFunctions {
  readonly #options: ScheduledFunctionsOptions;
  readonly #running = new Set<string>();
  readonly #lastRuns = new Map<string, FunctionRun>();
  readonly #stopping = new AbortController();
  readonly #runs = new Set<Promise<FunctionRun>>();

  constructor(options: ScheduledFunctionsOptions) {
    this.#options = options;
  }

  /** @throws {UsageError} if the definitions cannot be read; the message says why */
  async list(): Promise<ScheduledFunction[]> {
    return (await this.#read()).map(({ name, schedules }) => {
      const lastRun = this.#lastRuns.get(name);
      return {
        name,
        schedules: schedules.map(({ expressions, isEnabled, timezone }) => ({
          expressions,
          isEnabled,
          ...(timezone !== undefined && { timezone }),
        })),
        isRunning: this.#running.has(name),
        ...(lastRun !== undefined && { lastRun }),
      };
    });
  }

  /**
   * Runs a function with the event of one of its schedules.
   *
   * @throws {UsageError} if there is no such function or schedule, or the function is running
   */
  async run({ name, schedule: index }: RunRequest): Promise<FunctionRun> {
    const userFunction = (await this.#read()).find((candidate) => candidate.name === name);
    const schedule = userFunction?.schedules[index];
    if (userFunction === undefined || schedule === undefined) {
      throw new UsageError(`There is no function "${name}" with this schedule. Reload the page.`);
    }
    if (this.#running.has(name)) throw new UsageError(`${name} is running.`);
    this.#running.add(name);
    const run = this.#invoke(userFunction, schedule).finally(() => {
      this.#running.delete(name);
      this.#runs.delete(run);
    });
    this.#runs.add(run);
    return run;
  }

  /** Ends the running functions. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    await Promise.allSettled(this.#runs);
  }

  async #read(): Promise<UserFunction[]> {
    try {
      const { functions } = await readUserFunctions(this.#options.root);
      return functions.filter(({ schedules }) => schedules.length > 0);
    } catch (cause) {
      throw new UsageError((cause as Error).message, { cause });
    }
  }

  async #invoke(userFunction: UserFunction, schedule: Schedule): Promise<FunctionRun> {
    const { root, onLine, onNotice } = this.#options;
    const { name } = userFunction;
    const { environment, missing } = environmentOf(userFunction, this.#options.environment());
    onNotice(`Running ${name}.`);
    if (missing.length > 0) onNotice(missingVariablesNotice(missing));
    if (schedule.ignored.length > 0) onNotice(ignoredSettingsNotice(schedule.ignored));
    const output: string[] = [];
    const startedAt = new Date().toISOString();
    const invocation = invokeFunction({
      root,
      userFunction,
      environment,
      event: createScheduledEvent(schedule, name, environment.AWS_REGION),
      onLine(line) {
        onLine(line);
        const text = formatFunctionLine(line);
        if (text !== undefined) output.push(text.startsWith(CONTINUATION) ? text.slice(CONTINUATION.length) : text);
        if (output.length > MAXIMUM_OUTPUT_LINES) output.shift();
      },
      signal: this.#stopping.signal,
    });
    // A build error is the outcome of the run, too.
    const { milliseconds, ...outcome } = await invocation.catch(({ message: error }: Error) => ({
      error,
      milliseconds: 0,
    }));
    const [verb, text] = 'error' in outcome ? ['failed', outcome.error] : ['returned', outcome.result];
    onNotice(`${name} ${verb} after ${milliseconds} ms: ${text}`);
    const run = { startedAt, milliseconds, ...outcome, output };
    this.#lastRuns.set(name, run);
    return run;
  }
}
