/** A fixed key for tests that start services by themselves; instances started as a user starts them have their own. */
export const testCodecKeys = `test:${Buffer.alloc(32, 7).toString('base64')}`;
