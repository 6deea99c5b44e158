import { resolve } from 'node:path';
import { assemble } from './assemble.ts';

/** `node cdk/app.ts` writes `cdk.out`; the CDK CLI names its own folder in CDK_OUTDIR. */
const projectFolder = resolve(import.meta.dirname, '..');
await assemble(process.env['CDK_OUTDIR'] ?? resolve(projectFolder, 'cdk.out'), { sourceRoot: projectFolder });
