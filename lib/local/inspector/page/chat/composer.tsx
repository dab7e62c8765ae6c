import { useEffect, useId, useRef, useState } from 'preact/hooks';
import type { ChatMessage, ChatMessageRequest } from '../../wire.ts';
import { messages } from '../messages.ts';
import { previewOf } from './preview.ts';

interface Props {
  /** The name of the bot if it can be mentioned. */
  botName: string | undefined;
  /** The message to reply to, and its sender. */
  replyTo: { message: ChatMessage; sender: string } | undefined;
  onCancelReply: () => void;
  /** Resolves to the problem, or to an empty text. */
  onSend: (request: Pick<ChatMessageRequest, 'messageType' | 'text' | 'mentionsBot' | 'file'>) => Promise<string>;
}

/** As Base64, it has to fit into the 6 MiB that the local stack accepts. */
const MAXIMUM_FILE_BYTES = 4 * 1024 * 1024;

/** Form to write a message as a person. */
export function Composer({ botName, replyTo, onCancelReply, onSend }: Props) {
  const [text, setText] = useState('');
  const [mentionsBot, setMentionsBot] = useState(true);
  const [isPost, setPost] = useState(false);
  const [file, setFile] = useState<File>();
  const [problem, setProblem] = useState('');
  const [isSending, setSending] = useState(false);
  const textarea = useRef<HTMLTextAreaElement>(null);
  const hintId = useId();
  useEffect(() => {
    if (replyTo !== undefined) textarea.current?.focus();
  }, [replyTo]);

  const attach = (chosen: File | undefined) => {
    if (chosen === undefined) return;
    const isTooLarge = chosen.size > MAXIMUM_FILE_BYTES;
    setProblem(isTooLarge ? messages.chat.tooLarge(chosen.name) : '');
    if (!isTooLarge) setFile(chosen);
  };
  const submit = async () => {
    if (isSending || (text.trim() === '' && file === undefined)) return;
    setSending(true);
    setProblem(messages.sending);
    try {
      const mention = botName !== undefined && mentionsBot ? { mentionsBot: true } : {};
      let outcome = '';
      if (file !== undefined) {
        const messageType = file.type.startsWith('image/') ? 'image' : 'file';
        outcome = await onSend({ messageType, file: { name: file.name, base64: await toBase64(file) } });
        setFile(undefined);
      }
      if (text.trim() !== '') {
        outcome = (await onSend({ messageType: isPost ? 'post' : 'text', text, ...mention })) || outcome;
        setText('');
      }
      setProblem(outcome);
    } catch (error) {
      setProblem(messages.failed((error as Error).message));
    }
    setSending(false);
    textarea.current?.focus();
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') onCancelReply();
    // Enter also ends the input of Chinese characters.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    void submit();
  };

  return (
    <form
      class="composer"
      aria-label={messages.chat.composer}
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      {replyTo !== undefined && (
        <div class="composer-attached">
          <span>{messages.chat.inReplyTo(replyTo.sender, previewOf(replyTo.message))}</span>
          <button type="button" onClick={onCancelReply}>
            {messages.chat.cancelReply}
          </button>
        </div>
      )}
      {file !== undefined && (
        <div class="composer-attached">
          <span>{file.name}</span>
          <button type="button" onClick={() => setFile(undefined)}>
            {messages.chat.removeFile(file.name)}
          </button>
        </div>
      )}
      <textarea
        ref={textarea}
        rows={2}
        aria-label={messages.chat.text}
        aria-describedby={hintId}
        placeholder={messages.chat.text}
        value={text}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onPaste={(event) => attach(event.clipboardData?.files[0])}
      />
      <div class="composer-tools">
        {botName !== undefined && (
          <label>
            <input
              type="checkbox"
              checked={mentionsBot}
              onChange={(event) => setMentionsBot(event.currentTarget.checked)}
            />
            {messages.chat.mentionBot(botName)}
          </label>
        )}
        <label>
          <input type="checkbox" checked={isPost} onChange={(event) => setPost(event.currentTarget.checked)} />
          {messages.chat.richText}
        </label>
        <label class="composer-file">
          <input
            type="file"
            class="visually-hidden"
            onChange={({ currentTarget }) => {
              attach(currentTarget.files?.[0]);
              // Choosing the same file again is a change.
              currentTarget.value = '';
            }}
          />
          {messages.chat.attach}
        </label>
        <button type="submit" class="primary">
          {messages.send}
        </button>
      </div>
      <p class="composer-hint">
        <span class="quiet" id={hintId}>
          {messages.chat.textHint}
        </span>
        <span role="status" class="composer-problem">
          {problem}
        </span>
      </p>
    </form>
  );
}

function toBase64(file: File): Promise<string> {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(String(reader.result).split(',')[1] ?? '');
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}
