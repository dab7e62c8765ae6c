import type { ComponentChildren } from 'preact';
import { safeUrl } from './rendering.ts';

interface Props {
  url: unknown;
  class?: string;
  children: ComponentChildren;
}

/** A link to a web page. Other addresses are shown without a link. */
export function SafeLink({ url, children, class: className }: Props) {
  const href = safeUrl(url);
  if (href === undefined) return <span title={String(url)}>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer nofollow" class={className}>
      {children}
    </a>
  );
}
