import type { ComponentChild } from 'preact';
import { messages } from './messages.ts';

interface Props {
  text: string;
  /** Renders a text that is not shortened. Default: the text itself. */
  render?: (text: string) => ComponentChild | ComponentChild[];
}

/** Longer texts are shortened until they are opened. */
const LONG_CHARACTERS = 600;
const SHORTENED_CHARACTERS = 200;

export function LongText({ text, render = (shown) => shown }: Props) {
  if (text.length <= LONG_CHARACTERS) return <>{render(text)}</>;
  return (
    <details class="long-text">
      <summary>
        {text.slice(0, SHORTENED_CHARACTERS)}
        <span class="quiet">{messages.moreCharacters(text.length - SHORTENED_CHARACTERS)}</span>
      </summary>
      {text.slice(SHORTENED_CHARACTERS)}
    </details>
  );
}
