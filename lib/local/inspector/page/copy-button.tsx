import { useEffect, useState } from 'preact/hooks';
import { messages } from './messages.ts';

interface Props {
  text: string;
  /** Default: "Copy". */
  label?: string;
}

const SHOW_RESULT_MILLISECONDS = 2000;

/** Copies a text to the clipboard. */
export function CopyButton({ text, label = messages.copy }: Props) {
  const [result, setResult] = useState<string>();
  useEffect(() => {
    if (result === undefined) return undefined;
    const timer = setTimeout(() => setResult(undefined), SHOW_RESULT_MILLISECONDS);
    return () => clearTimeout(timer);
  }, [result]);
  const copy = () =>
    navigator.clipboard.writeText(text).then(
      () => setResult(messages.copied),
      () => setResult(messages.notCopied),
    );
  return (
    <>
      <button type="button" class="copy" aria-label={label} onClick={copy}>
        {result ?? messages.copy}
      </button>
      <span class="visually-hidden" aria-live="polite">
        {result}
      </span>
    </>
  );
}
