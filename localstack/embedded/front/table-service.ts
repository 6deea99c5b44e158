import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ACCOUNT, REGION, ServiceFault, type TableDefinition } from '../contracts.ts';
import type { Exchange } from './exchange.ts';
import { ItemFile, type ItemDatabase } from './item-file.ts';
import type { ResourceCall } from './object-request.ts';
import { type ItemDatabases, rememberItems } from './item-cache.ts';
import { closeIterators, type IteratedDatabase } from './item-iterators.ts';
import { sendJson } from './wire-answers.ts';

type Input = Readonly<Record<string, unknown>>;
type Callback<T> = (error: unknown, value?: T) => void;

interface Table {
  readonly TableStatus: string;
  readonly KeySchema: TableDefinition['keySchema'];
}

interface Store {
  getItemDb: ItemDatabases['getItemDb'];
  deleteItemDb: ItemDatabases['deleteItemDb'];
  getTable(name: string, ...rest: readonly unknown[]): void;
  readonly db: ItemDatabase & IteratedDatabase & { open(): Promise<void>; close(done: Callback<void>): void };
  readonly tableDb: { awsAccountId: string; awsRegion: string; get(name: string, done: Callback<Table>): void; put(name: string, table: Table, done: Callback<void>): void };
}

interface Validations {
  checkTypes(input: unknown, types: unknown): Input;
  checkValidations(input: Input, types: unknown, custom: unknown, store: Store): void;
}

type Action = (store: Store, input: Input, done: Callback<unknown>) => void;

interface DynaliteFault {
  readonly statusCode: number;
  readonly body: unknown;
}

const OPERATIONS = [
  'BatchGetItem', 'BatchWriteItem', 'CreateTable', 'DeleteItem', 'DeleteTable', 'DescribeTable', 'DescribeTimeToLive',
  'GetItem', 'ListTables', 'PutItem', 'Query', 'Scan', 'UpdateItem', 'UpdateTable',
] as const;
const TABLE_CHANGES: ReadonlySet<string> = new Set(['CreateTable', 'DeleteTable', 'UpdateTable']);
const ITEM_FILE_NAME = 'items.sqlite';
const TARGET_PREFIX = 'DynamoDB_20120810.';

const require = createRequire(import.meta.url);

interface Operation {
  readonly run: Action;
  readonly types: unknown;
  readonly custom: unknown;
}

/**
 * DynamoDB by dynalite's actions without its HTTP server, which throws out of the process
 * when a client disconnects in the middle of a body.
 */
export class TableService {
  readonly #store: Store;
  readonly #validations: Validations;
  readonly #operations = new Map<string, Operation>();
  readonly #tables = new Map<string, Table>();
  #file: ItemFile | undefined;

  private constructor() {
    const { create } = require('dynalite/db') as { create(options: object): Store };
    this.#validations = require('dynalite/validations') as Validations;
    this.#store = create({ createTableMs: 0, deleteTableMs: 0, updateTableMs: 0 });
    Object.assign(this.#store.tableDb, { awsAccountId: ACCOUNT, awsRegion: REGION });
    rememberTables(this.#store, this.#tables);
    rememberItems(this.#store);
    closeIterators(this.#store.db);
    for (const name of OPERATIONS) this.#operations.set(name, loadOperation(name));
  }

  static async open(folder: string | undefined): Promise<TableService> {
    const service = new TableService();
    await service.#store.db.open();
    if (folder !== undefined) service.#file = await ItemFile.attach(join(folder, ITEM_FILE_NAME), service.#store.db);
    return service;
  }

  async createTable({ name, keySchema, attributes }: TableDefinition): Promise<void> {
    const known = await this.#findTable(name);
    if (known === undefined) {
      await this.#run('CreateTable', { TableName: name, KeySchema: keySchema, AttributeDefinitions: attributes, BillingMode: 'PAY_PER_REQUEST' });
    } else if (JSON.stringify(known.KeySchema) !== JSON.stringify(keySchema)) {
      throw new Error(`expected table ${name} to have the key ${JSON.stringify(keySchema)}, but the data folder has ${JSON.stringify(known.KeySchema)}; remove the folder`);
    }
    const table = await this.#findTable(name);
    // A process killed right after CreateTable leaves the table CREATING for ever.
    if (table !== undefined && table.TableStatus !== 'ACTIVE') await this.#putTable(name, { ...table, TableStatus: 'ACTIVE' });
  }

  async handle(exchange: Exchange, input: Input): Promise<void> {
    const target = String(exchange.request.headers['x-amz-target'] ?? '');
    const operation = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : '';
    exchange.report(describeTableCalls(operation, input));
    try {
      sendJson(exchange.response, 200, await this.#run(operation, input));
    } catch (error) {
      if (!isDynaliteFault(error)) throw error;
      sendJson(exchange.response, error.statusCode, error.body);
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => this.#store.db.close(() => resolve()));
    this.#file?.close();
  }

  #run(name: string, input: Input): Promise<unknown> {
    const operation = this.#operations.get(name);
    if (TABLE_CHANGES.has(name)) this.#tables.clear();
    if (operation === undefined) throw new ServiceFault('UnknownOperationException', `The embedded DynamoDB does not know the operation ${name}`);
    const typed = this.#validations.checkTypes(input, operation.types);
    this.#validations.checkValidations(typed, operation.types, operation.custom, this.#store);
    return new Promise((resolve, reject) => operation.run(this.#store, typed, (error, output) => (error ? reject(error) : resolve(output))));
  }

  #findTable(name: string): Promise<Table | undefined> {
    return new Promise((resolve, reject) => {
      this.#store.tableDb.get(name, (error, table) => {
        if (error instanceof Error && error.name !== 'NotFoundError') reject(error);
        else resolve(table);
      });
    });
  }

  #putTable(name: string, table: Table): Promise<void> {
    return new Promise((resolve, reject) => this.#store.tableDb.put(name, table, (error) => (error ? reject(error) : resolve())));
  }
}

/** Spares every call a second read of the database: dynalite looks the table up each time. */
function rememberTables(store: Store, tables: Map<string, Table>): void {
  const getTable = store.getTable.bind(store);
  store.getTable = (name, ...rest) => {
    const known = tables.get(name);
    const done = rest.at(-1) as Callback<Table>;
    if (known !== undefined) return done(null, known);
    getTable(name, ...rest.slice(0, -1), (error: unknown, table: Table | undefined) => {
      if (!error && table?.TableStatus === 'ACTIVE') tables.set(name, table);
      done(error, table);
    });
  };
}

function loadOperation(name: string): Operation {
  const file = `${name.charAt(0).toLowerCase()}${name.slice(1)}`;
  const { types, custom } = require(`dynalite/validations/${file}`) as Omit<Operation, 'run'>;
  return { run: require(`dynalite/actions/${file}`) as Action, types, custom };
}

/** One entry a table; an index is a resource of its own. */
function describeTableCalls(operation: string, input: Input): readonly ResourceCall[] {
  const action = `dynamodb:${operation}`;
  const requested = input['RequestItems'];
  if (typeof requested === 'object' && requested !== null) {
    return Object.keys(requested).map((name) => ({ action, resource: tableArn(name) }));
  }
  const { TableName: name, IndexName: index } = input;
  if (typeof name !== 'string') return [{ action, resource: '*' }];
  return [{ action, resource: typeof index === 'string' ? `${tableArn(name)}/index/${index}` : tableArn(name) }];
}

function tableArn(name: string): string {
  return name.startsWith('arn:') ? name : `arn:aws:dynamodb:${REGION}:${ACCOUNT}:table/${name}`;
}

function isDynaliteFault(error: unknown): error is DynaliteFault {
  return error instanceof Error && 'statusCode' in error && 'body' in error;
}
