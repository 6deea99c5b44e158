/** What a host and the runtime in its worker thread say to each other. Payloads are JSON text, as between Lambda and its runtime. */

export interface RuntimeData {
  /** Folder of the bundle. */
  readonly codeFolder: string;
  /** `index.handler` */
  readonly handler: string;
  readonly functionName: string;
  readonly invokedFunctionArn: string;
  readonly memoryLimitInMB: string;
}

export interface InvokeMessage {
  readonly requestId: string;
  readonly event: string;
  /** Milliseconds since the epoch. */
  readonly deadline: number;
}

export type RuntimeMessage =
  | { readonly kind: 'ready' }
  | { readonly kind: 'answer'; readonly requestId: string; readonly payload: string }
  /** `requestId` undefined: the handler could not be loaded, or something failed outside an invocation. */
  | { readonly kind: 'error'; readonly requestId?: string; readonly errorType: string; readonly errorMessage: string; readonly trace: string; readonly isFatal: boolean };
