import { condition } from '@temporalio/workflow';

const work = async (): Promise<void> => Promise.resolve();

export function floating(): void { work(); }
export async function floatingCondition(): Promise<void> { condition(() => true); }
export function each(items: string[]): void { items.forEach(async () => { await work(); }); }
export function truthy(): string { return work() ? 'yes' : 'no'; }
export async function needless(): Promise<number> { return await 12; }
export async function unreturned(): Promise<void> { try { return work(); } finally { /* nothing */ } }
export function anything(value: any): unknown { return value.member; }
export function certain(value: string | null): number { return value!.length; }
