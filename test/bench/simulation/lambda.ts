import { TokenBucket } from './token-bucket.ts';

export interface LambdaQuotas {
  /** Maximum concurrent invocations of all functions of the account. */
  concurrency: number;
  /** Maximum invocations a second per unit of concurrency. */
  requestsPerSecondOfConcurrency: number;
  /** Maximum new environments of a function, at once and in each period after. */
  environmentsPerPeriod: number;
  periodSeconds: number;
}

/** The limits that the functions of an account share. */
export class LambdaAccount {
  readonly quotas: LambdaQuotas;
  readonly #requests: TokenBucket;
  #busy = 0;

  constructor(quotas: LambdaQuotas) {
    this.quotas = quotas;
    const perSecond = quotas.concurrency * quotas.requestsPerSecondOfConcurrency;
    this.#requests = new TokenBucket(perSecond, perSecond);
  }

  hasRoom(now: number): boolean {
    return this.#busy < this.quotas.concurrency && this.#requests.has(now);
  }

  begin(): void {
    this.#busy += 1;
    this.#requests.take();
  }

  end(): void {
    this.#busy -= 1;
  }
}

/** A function and its environments. */
export class LambdaFunction {
  readonly #account: LambdaAccount;
  readonly #newEnvironments: TokenBucket;
  readonly #idleSeconds: number;
  /** When each idle environment was last used. The most recent one is reused first. */
  #idle: number[] = [];
  coldStarts = 0;

  /** @param idleSeconds how long an idle environment is kept */
  constructor(account: LambdaAccount, idleSeconds: number) {
    const { environmentsPerPeriod, periodSeconds } = account.quotas;
    this.#account = account;
    this.#newEnvironments = new TokenBucket(environmentsPerPeriod, environmentsPerPeriod / periodSeconds);
    this.#idleSeconds = idleSeconds;
  }

  /** Starts an invocation, unless it is throttled. */
  begin(now: number): 'warm' | 'cold' | 'throttled' {
    if (!this.#account.hasRoom(now)) return 'throttled';
    const lastUsed = this.#idle.pop();
    const isWarm = lastUsed !== undefined && now - lastUsed <= this.#idleSeconds;
    if (!isWarm) {
      // All other idle environments are older and have expired as well.
      this.#idle = [];
      if (!this.#newEnvironments.has(now)) return 'throttled';
      this.#newEnvironments.take();
      this.coldStarts += 1;
    }
    this.#account.begin();
    return isWarm ? 'warm' : 'cold';
  }

  end(now: number): void {
    this.#account.end();
    this.#idle.push(now);
  }
}
