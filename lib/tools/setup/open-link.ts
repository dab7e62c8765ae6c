import { spawn } from 'node:child_process';

/** The programs that open a link in the browser. */
const PROGRAMS: Partial<Record<NodeJS.Platform, [string, ...string[]]>> = {
  darwin: ['open'],
  // `start` would interpret the `&` in the link.
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
};

/** Opens a link in the user's browser. Calls `onError` if there is no program for it. */
export function openLink(link: URL, onError: (reason: string) => void): void {
  const [program, ...parameters] = PROGRAMS[process.platform] ?? ['xdg-open'];
  const child = spawn(program, [...parameters, link.href], { stdio: 'ignore', detached: true });
  child.once('error', ({ message }) => onError(message));
  child.unref();
}
