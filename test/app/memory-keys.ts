import type { KeyStore } from '../../lib/app/key-rotation.ts';

/** Keys in memory. The webhook uses `active`. */
export class MemoryKeys implements KeyStore {
  stored: Record<string, string>;
  active: Record<string, string>;
  /** Whether the webhook can be changed without a deployment. */
  isActivatable = true;
  readonly activationAdvice = 'Deploy it.';

  constructor(values: Record<string, string> = {}) {
    this.stored = { ...values };
    this.active = { ...values };
  }

  read = async () => ({ ...this.stored });

  async write(values: Readonly<Record<string, string>>): Promise<void> {
    Object.assign(this.stored, values);
  }

  async activate(values: Readonly<Record<string, string>>): Promise<void> {
    if (this.isActivatable) Object.assign(this.active, values);
  }
}
