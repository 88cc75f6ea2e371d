/** A map that keeps the entries used last, up to a bound. */
export class LruMap<Value> {
  private readonly max: number;
  private readonly entries = new Map<string, Value>();

  constructor(max: number) {
    this.max = max;
  }

  get(key: string): Value | undefined {
    const value = this.entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.entries.delete(key);
    this.entries.set(key, value);
    const oldest = this.entries.keys().next().value;
    if (this.entries.size > this.max && oldest !== undefined) this.entries.delete(oldest);
  }

  delete(key: string): void {
    this.entries.delete(key);
  }
}
