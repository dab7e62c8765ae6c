import { useEffect, useRef } from 'preact/hooks';
import type { Confirmation } from '../card/rendering.ts';
import { messages } from '../messages.ts';

interface Props {
  confirmation: Confirmation;
  onConfirm: () => void;
  onClose: () => void;
}

/** The dialog that a card shows before it sends an action. */
export function ConfirmDialog({ confirmation: { title, text }, onConfirm, onClose }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => dialog.current?.showModal(), []);
  return (
    <dialog ref={dialog} class="confirm" aria-labelledby="confirm-title" onClose={onClose}>
      <h2 id="confirm-title">{title || messages.chat.confirmTitle}</h2>
      <p class="message-text">{text}</p>
      <div class="actions">
        <button type="button" onClick={() => dialog.current?.close()}>
          {messages.cancel}
        </button>
        <button
          type="button"
          class="primary"
          onClick={() => {
            onConfirm();
            dialog.current?.close();
          }}
        >
          {messages.card.confirm}
        </button>
      </div>
    </dialog>
  );
}
