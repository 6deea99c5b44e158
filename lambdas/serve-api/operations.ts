import type { Operation } from './operation.ts';
import { createKey, listKeys, revokeKey, rotateKey } from './operations/keys.ts';
import { listRunItems, redrive } from './operations/items.ts';
import { listErrors, listResults } from './operations/results.ts';
import { cancelRun, createRun, deleteRun, listRuns, pauseRun, resumeRun, showRun } from './operations/runs.ts';
import { health, showQueue, showUsage } from './operations/service.ts';
import { createDocument } from './operations/documents.ts';
import { completeUploadOperation, createUpload } from './operations/uploads.ts';
import { listLimits, setLimit, showLimit, unsetLimit } from './operations/limits.ts';
import { addCredits, listTenants, setTenant, showTenant } from './operations/tenants.ts';
import { showMetrics, showWorkers } from './operations/workers.ts';
import { explain, showItem } from './operations/item.ts';
import { openApiOperation } from './openapi.ts';

const WORKING: readonly Operation[] = [createRun, listRuns, showRun, cancelRun, pauseRun, resumeRun, deleteRun, redrive, listRunItems, listErrors, listResults, createUpload, completeUploadOperation, createDocument, showItem, explain, showQueue, showUsage, createKey, listKeys, rotateKey, revokeKey, showWorkers, listLimits, showLimit, setLimit, unsetLimit, listTenants, showTenant, setTenant, addCredits, showMetrics, health];

/** Every route, in the order of the document. */
export const OPERATIONS: readonly Operation[] = [...WORKING, openApiOperation(WORKING)];
