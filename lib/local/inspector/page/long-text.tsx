import type { ComponentChild } from 'preact';
import { messages } from './messages.ts';

interface Props {
  text: string;
  /** Renders a text that is not shortened. Default: the text itself. */
  render?: (text: string) => ComponentChild | ComponentChild[];
  /** Longer texts are shortened until they are opened. */
  maximumCharacters?: number;
}

const MAXIMUM_CHARACTERS = 600;
const SHORTENED_CHARACTERS = 200;

export function LongText({ text, render = (shown) => shown, maximumCharacters = MAXIMUM_CHARACTERS }: Props) {
  if (text.length <= maximumCharacters) return <>{render(text)}</>;
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
