import { useEffect, useState } from 'preact/hooks';
import { searchContents } from './requests.ts';

const NO_MATCHES: ReadonlySet<string> = new Set();
/** While the user types, nothing is searched. */
const WAIT_MILLISECONDS = 300;

/**
 * Searches the contents of the events, which only the local stack has.
 *
 * @param eventCount the number of events: new ones are searched, too
 * @returns the message ids of those that contain all words of the query
 */
export function useContentMatches(query: string, eventCount: number): ReadonlySet<string> {
  const [matches, setMatches] = useState(NO_MATCHES);
  const words = query.trim();
  useEffect(() => {
    // An earlier query may match more.
    setMatches(NO_MATCHES);
  }, [words]);
  useEffect(() => {
    if (words === '') return undefined;
    let isCurrent = true;
    const search = async () => {
      // Without the contents, the list itself is still searched.
      const ids = await searchContents(words).catch(() => []);
      if (isCurrent) setMatches(new Set(ids));
    };
    const timer = setTimeout(search, WAIT_MILLISECONDS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [words, eventCount]);
  return matches;
}
