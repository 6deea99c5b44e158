import { ACCOUNT } from '../../../localstack/embedded/contracts.ts';
import { LOCAL_PARAMETERS } from '../../../localstack/deployment.ts';
import { readAssembly } from '../../../localstack/embedded/template/assembly.ts';
import { FaultList } from '../../../localstack/embedded/template/faults.ts';
import { resolveTemplate, type ResolvedResource } from '../../../localstack/embedded/template/resolve.ts';

/** The resources of a synthesised folder under the names that the embedded stack gives them. */
export async function readResources(folder: string): Promise<readonly ResolvedResource[]> {
  const { stackName, template } = await readAssembly(folder);
  const faults = new FaultList();
  const { resources } = resolveTemplate({ stackName, template, parameters: LOCAL_PARAMETERS, queueUrl: (name) => `http://127.0.0.1/${ACCOUNT}/${name}` }, faults);
  faults.throwIfAny(`the template of ${stackName}`);
  return resources;
}
