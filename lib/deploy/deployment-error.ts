/** Something that the person who deploys can put right; the message says how. */
export class DeploymentError extends Error {
  /** By this name the Serverless Framework knows that its message is enough, without a stack. */
  override readonly name = 'ServerlessError';
}
