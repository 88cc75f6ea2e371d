/** Raised at start with every problem of the settings, one a line. Names settings and places, never a value that is a secret. */
export class ConfigurationError extends Error {
  override readonly name = 'ConfigurationError';
  /** `SETTING: what is wrong`, each. */
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`The configuration cannot be used:\n  ${faults.join('\n  ')}`);
    this.faults = faults;
  }
}
