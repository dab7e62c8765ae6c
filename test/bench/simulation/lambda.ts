import { TokenBucket } from './token-bucket.ts';

export interface LambdaQuotas {
  /** Environments that work at one time, of all functions of the account. */
  concurrency: number;
  /** How many invocations a second an account may begin for each of its concurrency. */
  requestsPerSecondOfConcurrency: number;
  /** New environments at once, and in each period after, for one function. */
  environmentsPerPeriod: number;
  periodSeconds: number;
}

/** What the functions of an account share. */
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

/** The environments of a function. */
export class LambdaFunction {
  readonly #account: LambdaAccount;
  readonly #newEnvironments: TokenBucket;
  readonly #idleSeconds: number;
  /** When each idle environment was used last: the latest is used again first. */
  #idle: number[] = [];
  coldStarts = 0;

  /** @param idleSeconds how long an environment is kept that is not used */
  constructor(account: LambdaAccount, idleSeconds: number) {
    const { environmentsPerPeriod, periodSeconds } = account.quotas;
    this.#account = account;
    this.#newEnvironments = new TokenBucket(environmentsPerPeriod, environmentsPerPeriod / periodSeconds);
    this.#idleSeconds = idleSeconds;
  }

  /** @returns how the invocation starts; `throttled`: it does not */
  begin(now: number): 'warm' | 'cold' | 'throttled' {
    if (!this.#account.hasRoom(now)) return 'throttled';
    const lastUsed = this.#idle.pop();
    const isWarm = lastUsed !== undefined && now - lastUsed <= this.#idleSeconds;
    if (!isWarm) {
      // The others were used even earlier.
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
