import { stat } from 'node:fs/promises';
import path from 'node:path';
import { type BuildResult, formatMessages, type Message, type Metafile } from 'esbuild';
import { handlerOf, handlerWarnings } from '../../build/check-handlers.ts';

export interface BuildError {
  text: string;
  /** Relative to the project. */
  file?: string;
  /** Starts at 1. */
  line?: number;
  /** Starts at 0. */
  column?: number;
  /** The handlers that contain the file, for example `v2/im.message.receive_v1`. */
  handlers: string[];
}

export interface BuildFailure {
  errors: BuildError[];
  /** The number of further errors. */
  omitted: number;
  /** Whether the functions run their previous version. Otherwise, they have never been built. */
  keepsRunning: boolean;
}

export interface BuildReportOptions {
  /** The project's folder. */
  root: string;
  /** Called with the new errors and warnings of a build. */
  onNotice: (text: string) => void;
  /** Called when a build fails, and with `undefined` when all bundles have been built. */
  onChange: (failure: BuildFailure | undefined) => void;
}

type Problems = ReadonlyMap<string, Message>;

interface BundleState {
  hasBeenBuilt: boolean;
  errors: Problems;
  omitted: number;
  warnings: Problems;
  /** Of the last successful build: a failed one reports none. */
  inputs: Metafile['inputs'];
}

const NEVER_BUILT: BundleState = {
  hasBeenBuilt: false,
  errors: new Map(),
  omitted: 0,
  warnings: new Map(),
  inputs: {},
};
/** A broken package can cause thousands. */
const MAXIMUM_ERRORS = 20;
/** If more packages are missing, an installation is running or has failed. */
const MAXIMUM_MISSING_PACKAGES = 3;

/**
 * Reports each build error and warning once per change, although several bundles contain the same file, each is rebuilt
 * at its own time, and an error remains while other files change.
 */
export class BuildReport {
  readonly #options: BuildReportOptions;
  readonly #bundles = new Map<object, BundleState>();
  /** The bundles that had a problem, by its key. */
  readonly #reported = new Map<string, Set<object>>();
  #failure: BuildFailure | undefined;
  /** Whether errors of packages have been reported since the last success. */
  #hasReportedPackages = false;

  constructor(options: BuildReportOptions) {
    this.#options = options;
  }

  /** The errors of all bundles, or `undefined` if there are none. */
  get failure(): BuildFailure | undefined {
    return this.#failure;
  }

  /**
   * Adds the result of a build. The builds of one bundle must be added one after the other.
   *
   * @param bundle any object that identifies the bundle
   */
  async add(bundle: object, { errors, warnings, metafile }: BuildResult): Promise<void> {
    const hasFailed = errors.length > 0;
    const problems = await this.#identify(hasFailed ? errors.slice(0, MAXIMUM_ERRORS) : handlerWarnings(warnings));
    const state = this.#bundles.get(bundle) ?? NEVER_BUILT;
    if (hasFailed) {
      const newErrors = this.#takeNew(bundle, problems, state.errors);
      const omitted = errors.length - problems.size;
      this.#bundles.set(bundle, { ...state, errors: problems, omitted });
      this.#changed();
      await this.#report(newErrors, { errors, omitted, keepsRunning: state.hasBeenBuilt });
    } else {
      const newWarnings = this.#takeNew(bundle, problems, state.warnings);
      const inputs = metafile?.inputs ?? {};
      this.#bundles.set(bundle, { ...NEVER_BUILT, hasBeenBuilt: true, warnings: problems, inputs });
      this.#changed();
      for (const { text } of newWarnings) this.#options.onNotice(text);
    }
  }

  /** Gives each problem a key that changes with the file that it is in, so that a saved file is reported again. */
  async #identify(messages: Message[]): Promise<Problems> {
    const keys = messages.map(async ({ text, location }) => {
      if (location === null) return text;
      const { file, line, column } = location;
      const version = await stat(path.resolve(this.#options.root, file)).catch(() => undefined);
      return JSON.stringify([text, file, line, column, version?.mtimeMs]);
    });
    return new Map((await Promise.all(keys)).map((key, index) => [key, messages[index] as Message]));
  }

  /** Returns the problems that have not been reported since they last arose. */
  #takeNew(bundle: object, problems: Problems, previous: Problems): Message[] {
    return [...problems].flatMap(([key, message]) => {
      if (previous.has(key)) return [];
      const bundles = this.#reported.get(key);
      // If another bundle has reported it, this bundle was only built later.
      const isKnown = bundles !== undefined && !bundles.has(bundle);
      this.#reported.set(key, isKnown ? bundles.add(bundle) : new Set([bundle]));
      return isKnown ? [] : [message];
    });
  }

  /** Reports new errors; of those that an installation of packages causes, only the first, until a build succeeds. */
  async #report(
    newErrors: Message[],
    { errors, omitted, keepsRunning }: Omit<BuildFailure, 'errors'> & { errors: Message[] },
  ): Promise<void> {
    const ofPackages = findErrorsOfPackages(errors);
    const first = this.#hasReportedPackages ? undefined : newErrors.find((error) => ofPackages.has(error));
    this.#hasReportedPackages ||= first !== undefined;
    const shown = newErrors.filter((error) => error === first || !ofPackages.has(error));
    if (shown.length === 0) return;
    const more = [
      ...(ofPackages.size === 0 && omitted > 0 ? [`… and ${omitted} more`] : []),
      ...(ofPackages.size > 1 ? [`… and ${ofPackages.size - 1} more in packages`] : []),
      ...(ofPackages.size > 0 ? ['Wait for npm install, or run it if it is not running.'] : []),
    ];
    this.#options.onNotice([await this.#describe(shown, keepsRunning), ...more].join('\n\n'));
  }

  #changed(): void {
    const failed = [...this.#bundles.values()].filter(({ errors }) => errors.size > 0);
    const errors = new Map(failed.flatMap((state) => [...state.errors]));
    const previous = this.#failure;
    this.#failure =
      failed.length === 0
        ? undefined
        : {
            errors: [...errors.values()].slice(0, MAXIMUM_ERRORS).map((message) => this.#toError(message)),
            omitted: Math.max(0, errors.size - MAXIMUM_ERRORS, ...failed.map(({ omitted }) => omitted)),
            keepsRunning: failed.every(({ hasBeenBuilt }) => hasBeenBuilt),
          };
    if (this.#failure === undefined) this.#hasReportedPackages = false;
    if (previous !== undefined || this.#failure !== undefined) this.#options.onChange(this.#failure);
    if (previous?.keepsRunning === false && this.#failure === undefined) {
      this.#options.onNotice('Build succeeded: the functions are running.');
    }
  }

  #toError({ text, location }: Message): BuildError {
    if (location === null) return { text, handlers: [] };
    const { file, line, column } = location;
    return { text, file, line, column, handlers: this.#handlersWith(file) };
  }

  /** Returns the handlers that contain a file, as far as a build that succeeded knows. */
  #handlersWith(file: string): string[] {
    const importers = new Map<string, string[]>();
    for (const { inputs } of this.#bundles.values()) {
      for (const [importer, { imports }] of Object.entries(inputs)) {
        for (const { path: imported } of imports) {
          const known = importers.get(imported);
          if (known === undefined) importers.set(imported, [importer]);
          else known.push(importer);
        }
      }
    }
    const found = new Set([file]);
    const handlers = new Set<string>();
    for (const name of found) {
      const handler = handlerOf(name);
      if (handler !== undefined) handlers.add(handler);
      // The functions import all handlers.
      else for (const importer of importers.get(name) ?? []) found.add(importer);
    }
    return [...handlers].sort();
  }

  async #describe(errors: Message[], keepsRunning: boolean): Promise<string> {
    const consequence = keepsRunning
      ? 'The previous version of the functions keeps running:'
      : 'The functions start when the error is fixed:';
    return `Build failed. ${consequence}\n${await this.format(errors)}`;
  }

  /** Formats errors with their position, source line and handlers. */
  async format(errors: Message[]): Promise<string> {
    const messages = errors.map((message) => {
      const file = message.location?.file ?? '';
      const handlers = handlerOf(file) === undefined ? this.#handlersWith(file) : [];
      const usedBy = handlers.length === 0 ? [] : [{ text: `Used by ${handlers.join(', ')}.`, location: null }];
      return { ...message, pluginName: '', notes: [...message.notes, ...usedBy] };
    });
    return (await formatMessages(messages, { kind: 'error' })).join('').trim();
  }
}

/** Finds the errors that a missing or half-installed package causes. */
function findErrorsOfPackages(errors: readonly Message[]): ReadonlySet<Message> {
  const inPackages = errors.filter(({ location }) => location?.file.startsWith('node_modules/'));
  const missing = errors.filter(({ text }) => /^Could not resolve "[^./#]/.test(text));
  const missingNames = new Set(missing.map(({ text }) => text));
  const isIncomplete = inPackages.length > 0 || missingNames.size > MAXIMUM_MISSING_PACKAGES;
  return new Set(isIncomplete ? [...inPackages, ...missing] : []);
}
