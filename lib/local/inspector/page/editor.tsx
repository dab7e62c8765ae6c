import { useEffect, useRef, useState } from 'preact/hooks';
import { messages } from './messages.ts';

interface Props {
  /** The initial text. */
  text: string;
  onSend: (text: string) => void;
  onClose: () => void;
}

/** Dialog to edit an event before sending it. */
export function Editor({ text, onSend, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const textarea = useRef<HTMLTextAreaElement>(null);
  const [draft, setDraft] = useState(text);
  useEffect(() => {
    dialog.current?.showModal();
    textarea.current?.setSelectionRange(0, 0);
    textarea.current?.scrollTo(0, 0);
  }, []);
  const problem = syntaxErrorOf(draft);
  const send = () => {
    if (problem === undefined) onSend(draft);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) send();
  };
  return (
    <dialog ref={dialog} class="editor" aria-labelledby="editor-title" onClose={onClose}>
      <h2 id="editor-title">{messages.editorTitle}</h2>
      <p class="quiet" id="editor-hint">
        {messages.editorHint}
      </p>
      <textarea
        ref={textarea}
        class="code"
        aria-labelledby="editor-title"
        aria-describedby="editor-hint editor-problem"
        aria-invalid={problem !== undefined}
        spellcheck={false}
        value={draft}
        onInput={(event) => setDraft(event.currentTarget.value)}
        onKeyDown={onKeyDown}
      />
      <p class="problem" id="editor-problem" role="status">
        {problem === undefined ? '' : messages.notJson(problem)}
      </p>
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {messages.cancel}
        </button>
        <button type="button" class="primary" disabled={problem !== undefined} onClick={send}>
          {messages.send}
        </button>
      </div>
    </dialog>
  );
}

function syntaxErrorOf(text: string): string | undefined {
  try {
    JSON.parse(text);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}
