export async function examineDeployment(_: object): Promise<boolean> {
  return true;
}
