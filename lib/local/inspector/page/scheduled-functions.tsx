import { useEffect, useRef, useState } from 'preact/hooks';
import type { FunctionRun, ScheduledFunction } from '../wire.ts';
import { formatDuration, formatTime } from './format.ts';
import { messages } from './messages.ts';
import { fetchScheduledFunctions, runFunction } from './requests.ts';

/** A run can also end on another page. */
const REFRESH_EVERY_MILLISECONDS = 1000;

/** Button that opens the list of scheduled functions. Not shown if there are none. */
export function ScheduledFunctions() {
  const [functions, setFunctions] = useState<ScheduledFunction[]>([]);
  const [problem, setProblem] = useState('');
  const [isOpen, setOpen] = useState(false);
  const refresh = () =>
    fetchScheduledFunctions().then(
      (list) => {
        setFunctions(list);
        setProblem('');
      },
      ({ message }: Error) => setProblem(messages.failed(message)),
    );
  useEffect(() => {
    void refresh();
    if (!isOpen) return undefined;
    const timer = setInterval(refresh, REFRESH_EVERY_MILLISECONDS);
    return () => clearInterval(timer);
  }, [isOpen]);

  const run = async (name: string, schedule: number) => {
    setFunctions((list) => list.map((item) => (item.name === name ? { ...item, isRunning: true } : item)));
    await runFunction({ name, schedule }).catch(({ message }: Error) => setProblem(messages.failed(message)));
    await refresh();
  };
  if (functions.length === 0 && problem === '') return null;
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {messages.scheduledFunctions}
      </button>
      {isOpen && <FunctionList functions={functions} problem={problem} onRun={run} onClose={() => setOpen(false)} />}
    </>
  );
}

interface ListProps {
  functions: readonly ScheduledFunction[];
  problem: string;
  onRun: (name: string, schedule: number) => void;
  onClose: () => void;
}

function FunctionList({ functions, problem, onRun, onClose }: ListProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="scheduled" aria-labelledby="scheduled-title" onClose={onClose}>
      <h2 id="scheduled-title">{messages.scheduledFunctions}</h2>
      <p class="quiet">{messages.scheduledHint}</p>
      <div class="scheduled-list">
        {functions.map(({ name, schedules, isRunning, lastRun }) => (
          <section key={name} aria-label={name}>
            <h3 class="mono">{name}</h3>
            {schedules.map(({ expressions, isEnabled, timezone = '' }, index) => (
              <div key={index} class="schedule">
                <span class="mono">{`${expressions.join(', ')} ${timezone}`}</span>
                <span class="quiet">{isEnabled ? '' : messages.disabledSchedule}</span>
                <button
                  type="button"
                  disabled={isRunning}
                  aria-label={messages.runWith(name, expressions.join(', '))}
                  onClick={() => onRun(name, index)}
                >
                  {messages.run}
                </button>
              </div>
            ))}
            <p class="quiet" role="status">
              {isRunning ? messages.running : lastRun === undefined ? messages.neverRun : describe(lastRun)}
            </p>
            {!isRunning && lastRun !== undefined && <LastRun run={lastRun} />}
          </section>
        ))}
      </div>
      <p class="problem" role="status">
        {problem}
      </p>
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {messages.close}
        </button>
      </div>
    </dialog>
  );
}

function LastRun({ run: { result, error, output } }: { run: FunctionRun }) {
  return (
    <>
      {error !== undefined && <pre class="code problem">{error}</pre>}
      {result !== undefined && <pre class="code">{`${messages.result}: ${result}`}</pre>}
      {output.length > 0 && (
        <details>
          <summary>{messages.log}</summary>
          <pre class="code">{output.join('\n')}</pre>
        </details>
      )}
    </>
  );
}

function describe({ startedAt, milliseconds, error }: FunctionRun): string {
  const describeRun = error === undefined ? messages.runReturned : messages.runFailed;
  return describeRun(formatTime(startedAt), formatDuration(milliseconds));
}
