/** What a person sits at, from what the client says of itself. */
import type { Json } from './json.ts';

export const devices = ['phone', 'tablet', 'desktop', 'unknown'] as const;
export type Device = (typeof devices)[number];

/** Longer ones are cut: what tells a device stands at the beginning. */
const agentMax = 512;

/** `device` of the client context, else its `user_agent`; unknown when neither says. */
export function deviceOf(context: Readonly<Record<string, Json>>): Device {
  const said = context['device'];
  const named = typeof said === 'string' ? said.toLowerCase() : '';
  if (isDevice(named)) return named;
  if (named === 'mobile') return 'phone';
  const agent = context['user_agent'];
  return typeof agent === 'string' ? deviceOfAgent(agent.slice(0, agentMax)) : 'unknown';
}

function isDevice(name: string): name is Device {
  return (devices as readonly string[]).includes(name);
}

/** Android without "Mobile" is a tablet, by Google's own advice; an iPad that calls itself a Mac cannot be told from one. */
function deviceOfAgent(agent: string): Device {
  if (/ipad|tablet|kindle|silk|playbook/i.test(agent) || (/android/i.test(agent) && !/mobile/i.test(agent))) return 'tablet';
  if (/iphone|ipod|mobile|phone/i.test(agent)) return 'phone';
  return /windows|macintosh|linux|cros|x11/i.test(agent) ? 'desktop' : 'unknown';
}
