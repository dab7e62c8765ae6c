import { useEffect, useRef, useState } from 'preact/hooks';
import type { FailRequest } from '../../wire.ts';
import { messages } from '../messages.ts';
import { failCalls } from '../requests.ts';

/** Button that opens a form to make API calls fail. */
export function FailCalls() {
  const [isOpen, setOpen] = useState(false);
  return (
    <>
      <button type="button" onClick={() => setOpen(true)}>
        {messages.failCalls}
      </button>
      {isOpen && <FailForm onClose={() => setOpen(false)} />}
    </>
  );
}

function FailForm({ onClose }: { onClose: () => void }) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [result, setResult] = useState({ text: '', isProblem: false });
  useEffect(() => dialog.current?.showModal(), []);
  const submit = async (form: HTMLFormElement) => {
    const request = readForm(new FormData(form));
    try {
      await failCalls(request);
      setResult({ text: messages.failing(request.times ?? 1), isProblem: false });
    } catch (error) {
      setResult({ text: messages.failed((error as Error).message), isProblem: true });
    }
  };
  return (
    <dialog ref={dialog} class="fail" aria-labelledby="fail-title" onClose={onClose}>
      <h2 id="fail-title">{messages.failCalls}</h2>
      <p class="quiet">{messages.failHint}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit(event.currentTarget);
        }}
      >
        <Field name="api" label={messages.failApi} hint={messages.failApiHint} />
        <Field name="code" label={messages.failCode} hint={messages.failCodeHint} minimum={1} maximum={1e9} />
        <Field name="status" label={messages.failStatus} hint={messages.failStatusHint} minimum={200} maximum={599} />
        <Field name="times" label={messages.failTimes} minimum={1} maximum={1000} value="1" />
        <p class={result.isProblem ? 'problem' : ''} role="status">
          {result.text}
        </p>
        <div class="actions">
          <button type="button" onClick={() => dialog.current?.close()}>
            {messages.close}
          </button>
          <button type="submit" class="primary">
            {messages.failSubmit}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldProps {
  name: keyof FailRequest;
  label: string;
  hint?: string;
  /** Set for numbers. */
  minimum?: number;
  maximum?: number;
  value?: string;
}

function Field({ name, label, hint, minimum, maximum, value }: FieldProps) {
  const attributes = {
    id: `fail-${name}`,
    name,
    class: 'mono',
    required: value !== undefined,
    defaultValue: value,
    autocomplete: 'off',
    spellcheck: false,
    'aria-describedby': hint === undefined ? undefined : `fail-${name}-hint`,
  };
  return (
    <div class="fail-field">
      <label for={`fail-${name}`}>{label}</label>
      {minimum === undefined ? (
        <input type="text" {...attributes} />
      ) : (
        <input type="number" min={minimum} max={maximum} {...attributes} />
      )}
      {hint !== undefined && (
        <p class="quiet" id={`fail-${name}-hint`}>
          {hint}
        </p>
      )}
    </div>
  );
}

/** Leaves out the fields that are empty. */
function readForm(data: FormData): FailRequest {
  const text = (name: keyof FailRequest) => String(data.get(name) ?? '').trim();
  const number = (name: keyof FailRequest) => (text(name) === '' ? {} : { [name]: Number(text(name)) });
  return {
    ...(text('api') !== '' && { api: text('api') }),
    ...number('code'),
    ...number('status'),
    ...number('times'),
  };
}
