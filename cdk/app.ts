import { resolve } from 'node:path';
import { assemble } from './assemble.ts';
import { readStage } from './read-stage.ts';

/** `node cdk/app.ts` writes `cdk.out`; the CDK CLI names its own folder in CDK_OUTDIR. */
const projectFolder = resolve(import.meta.dirname, '..');
const stage = readStage(projectFolder, process.env);
await assemble(process.env['CDK_OUTDIR'] ?? resolve(projectFolder, 'cdk.out'), { sourceRoot: projectFolder, ...(stage && { stage }) });
