/** Whether the API could have its port. */
import type { Configuration } from '../../service/configuration.ts';
import { listenFault } from '../embedded/ports.ts';
import { about, type Finding } from './finding.ts';

const { well, wrong } = about('port');

export async function portFinding({ HOST: host, PORT: port }: Configuration): Promise<Finding> {
  const code = await listenFault(host, port);
  if (code === null) return well(`Port ${port === 0 ? 'of any number' : port} on ${host} is free`);
  if (code === 'EADDRINUSE') {
    return wrong(
      `Port ${port} on ${host} is taken by another program`, `choose another one, for example PORT=${port + 1} npm run up`,
    );
  }
  if (code === 'EACCES') {
    return wrong(`Port ${port} on ${host} may not be taken by this user`, 'choose one above 1023, for example PORT=8080 npm run up');
  }
  return wrong(
    `HOST ${host} is no address of this machine (${code})`,
    'set HOST=127.0.0.1 for this machine alone, or HOST=0.0.0.0 for all its addresses',
  );
}
