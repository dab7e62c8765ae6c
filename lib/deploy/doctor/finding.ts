/** What one check of the doctor found, in a person's words. */
export interface Finding {
  verdict: 'ok' | 'problem' | 'skipped';
  text: string;
  /** Of a problem: what to do. */
  advice?: string;
}

export function ok(text: string): Finding {
  return { verdict: 'ok', text };
}

export function problem(text: string, advice: string): Finding {
  return { verdict: 'problem', text, advice };
}

/** The check does not apply to this stack, or cannot be made because of another problem. */
export function skipped(text: string): Finding {
  return { verdict: 'skipped', text };
}

/**
 * Makes a check. What AWS refuses or does not answer is a finding too, so that the other checks are still made.
 *
 * @param subject what could then not be checked
 */
export async function examine(subject: string, check: () => Promise<Finding[] | Finding>): Promise<Finding[]> {
  try {
    return [await check()].flat();
  } catch (error) {
    const { name, message } = error instanceof Error ? error : new Error(String(error));
    const advice = /denied|unauthorized|forbidden/i.test(name + message)
      ? 'Your own credentials lack the permission that the message names.'
      : 'Is the network there, and AWS? Try again.';
    return [problem(`${subject} could not be checked: ${name}: ${message}`, advice)];
  }
}
