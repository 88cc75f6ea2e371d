/**
 * The Redis side of the limiter, as Lua: a plan (windows by key) becomes one script with its numbers written into it, so that
 * a decision is one command that reads and writes each key once, whatever the number of windows.
 *
 * 1. A window is cut into slices, and the oldest counts whole until it has left: no window of the stated length, wherever it
 *    begins, holds more than the limit. 60 slices for quotas; slices of one millisecond make it an exact log.
 * 2. All or nothing: when one window denies, none counts.
 * 3. Redis's clock decides. When it was set back, what was counted moves back with it, so that it counts no shorter. That is
 *    saved by a request that is refused as well, or it would move again at each of them and never leave.
 * 4. A command that arrives after its deadline does nothing: its caller has long gone on without it.
 * 5. A reservation counts once, however often it is asked for; what was settled cannot be reserved again. One that nobody settles
 *    ends with its lease, and all of it is given back: the decisions after that find it in the key and take it out.
 *
 * Rare branches are written out in place and tables made in their final size: measured, that halves the time of a decision.
 */

export interface Window {
  /** Whole milliseconds. */
  readonly slice: number;
  /** Slices that the window is long, at least. */
  readonly span: number;
  readonly limit: number;
  /** Counts and never denies. */
  readonly shadow: boolean;
}

/**
 * Windows of each key. A key holds [time of the last decision, [used, slice, count, slice, count, ...] of each window], oldest
 * slice first, and then what is reserved: [id, end of the lease, slice and amount of each window, id, ...]. No more is reserved
 * than fits into the windows, so they bound it.
 */
export type Plan = readonly (readonly Window[])[];

export interface PlanScripts {
  /** KEYS: of the plan. ARGV: deadline (ms, 0: none), 1 to look only, then the cost of each window. */
  readonly take: string;
  /** KEYS: of the plan, then the record of the reservation's end. ARGV: deadline, lease in ms, the cost of each window, its id. */
  readonly reserve: string;
  /** KEYS: the same. ARGV: ms that the end is remembered, the real cost of each window, its id. Returns 1, or 0 for no such reservation. */
  readonly settle: string;
}

const outcomes = ['late', 'denied', 'counted', 'repeated', 'looked'] as const;
export type Outcome = (typeof outcomes)[number];

/** `used`: after the request where it was counted. `resetMs`: until more is free; of a window that denies, until the request fits. */
export interface WindowAnswer { readonly fits: boolean; readonly used: number; readonly resetMs: number }

export interface Answer { readonly outcome: Outcome; readonly nowMs: number; readonly windows: readonly WindowAnswer[] }

const redisTime = "local T = redis.call('TIME')\nlocal now = T[1] * 1000 + math.floor(T[2] / 1000)";

/** `time`: Lua that sets `now`. Tests give a clock of their own; a script that runs in the service cannot be told the time. */
export function scriptsOf(plan: Plan, time: string = redisTime): PlanScripts {
  const late = "if ARGV[1] ~= '0' and now > ARGV[1] + 0 then return { 0, now } end";
  const windows = plan.flat();
  const begin = `local denied, answer = false, { 2, now${', 1, 0, 0'.repeat(windows.length)} }\n${plan.map(loadKey).join('\n')}`;
  const record = `KEYS[${plan.length + 1}]`;
  const end = `if denied then answer[1] = 1 return answer end`;
  const save = plan.map(saveKey).join('\n');
  return {
    take: [time, late, begin, countAll(plan), end, "if ARGV[2] == '1' then answer[1] = 4 return answer end", save, 'return answer']
      .join('\n'),
    reserve: [
      time, late, `if redis.call('GET', ${record}) == 'done' then return { 0, now } end`,
      begin, `local id = ARGV[${windows.length + 3}]`, findReserved(plan),
      // asked again: nothing costs anything
      'if known then answer[1] = 3 end', countAll(plan, 'known and 0 or '), end, 'if known then return answer end', reserveAll(plan), save,
      'return answer',
    ].join('\n'),
    settle: [
      time, `if redis.call('GET', ${record}) == 'done' then return 0 end`, `redis.call('SET', ${record}, 'done', 'PX', ARGV[1])`,
      plan.map(loadKey).join('\n'), `local id = ARGV[${windows.length + 2}]`, findReserved(plan), 'if not known then return 0 end',
      settleAll(plan), save, 'return 1',
    ].join('\n'),
  };
}

function loadKey(windows: readonly Window[], index: number): string {
  const s = `s${index + 1}`;
  return `local ${s} = redis.call('GET', KEYS[${index + 1}])
${s} = ${s} and cmsgpack.unpack(${s}) or { now${', { 0 }'.repeat(windows.length)} }
if ${s}[1] > now then
  local slices = { ${windows.map(({ slice }) => slice).join(', ')} }
  for k, slice in ipairs(slices) do
    local w, back = ${s}[k + 1], math.floor((${s}[1] - now) / slice)
    for i = 2, #w, 2 do w[i] = w[i] - back end
  end
  local open = ${s}[${windows.length + 2}] or {}
  for i = 1, #open, ${strideOf(windows)} do
    open[i + 1] = open[i + 1] - (${s}[1] - now)
    for k, slice in ipairs(slices) do open[i + k * 2] = open[i + k * 2] - math.floor((${s}[1] - now) / slice) end
  end
  ${s}[1] = now
  ${saveKey(windows, index)}
end
${s}[1] = now
local ended${index + 1} = false
for i = 2, #(${s}[${windows.length + 2}] or {}), ${strideOf(windows)} do
  if ${s}[${windows.length + 2}][i] <= now then ended${index + 1} = true end
end
if ended${index + 1} then
  local open, kept = ${s}[${windows.length + 2}], {}
  for i = 1, #open, ${strideOf(windows)} do
    if open[i + 1] <= now then
      for k = 1, ${windows.length} do
        local w = ${s}[k + 1]
        for j = 2, #w, 2 do
          if w[j] == open[i + k * 2] then
            local back = math.min(w[j + 1], open[i + k * 2 + 1])
            w[j + 1], w[1] = w[j + 1] - back, w[1] - back
          end
        end
      end
    else for j = i, i + ${strideOf(windows) - 1} do kept[#kept + 1] = open[j] end end
  end
  ${s}[${windows.length + 2}] = #kept > 0 and kept or nil
end`;
}

/** Members of a reservation in its key: id, end, and two of each window. */
function strideOf(windows: readonly Window[]): number {
  return 2 + windows.length * 2;
}

/** `known`: where the reservation stands in each key, or nil. */
function findReserved(plan: Plan): string {
  const finds = plan.map((windows, index) => `do
  local open = s${index + 1}[${windows.length + 2}] or {}
  for i = 1, #open, ${strideOf(windows)} do if open[i] == id then known = known or {} known[${index + 1}] = i end end
end`);
  return `local known = nil\n${finds.join('\n')}`;
}

/** A window in shadow mode that did not fit has counted nothing. */
function reserveAll(plan: Plan): string {
  let n = 0;
  return plan.map((windows, index) => {
    const at = `s${index + 1}[${windows.length + 2}]`;
    const members = windows.map(({ slice }) => {
      const member = `math.floor(now / ${slice}), answer[${n * 3 + 3}] * ARGV[${n + 3}]`;
      n += 1;
      return member;
    });
    return `do
  local open = ${at} or {}
  for _, member in ipairs({ id, now + ARGV[2], ${members.join(', ')} }) do open[#open + 1] = member end
  ${at} = open
end`;
  }).join('\n');
}

/** Each window counts at once; when a later one denies, nothing of it is written. */
function countAll(plan: Plan, unless: string = ''): string {
  return forWindows(plan, ({ slice, span, limit, shadow }, n, at) => `do
  local w, c, cost = ${at}, math.floor(now / ${slice}), ${unless}ARGV[${n + 3}] + 0
  if w[2] and w[2] < c - ${span} then
    local from, kept = 2, { w[1] }
    while w[from] and w[from] < c - ${span} do kept[1] = kept[1] - w[from + 1] from = from + 2 end
    for i = from, #w do kept[#kept + 1] = w[i] end
    w = kept ${at} = w
  end
  local used = w[1] + cost
  if used <= ${limit} or cost == 0 then
    if cost > 0 then
      local n = #w
      w[1] = used
      if n > 1 and w[n - 1] >= c then w[n] = w[n] + cost else w[n + 1] = c w[n + 2] = cost end
    end
    answer[${n * 3 + 4}] = used
    if w[2] then answer[${n * 3 + 5}] = (w[2] + ${span + 1}) * ${slice} - now end
  else
    local need, i = used - ${limit}, 2
    while need > 0 and w[i] do need = need - w[i + 1] i = i + 2 end
    answer[${n * 3 + 3}], answer[${n * 3 + 4}] = 0, w[1]
    if need <= 0 then answer[${n * 3 + 5}] = (w[i - 2] + ${span + 1}) * ${slice} - now
    else answer[${n * 3 + 5}] = ${slice * (span + 1)} end${shadow ? '' : '\n    denied = true'}
  end
end`);
}

/** What was reserved too much goes back where it was taken; what it cost beyond that counts from now. */
function settleAll(plan: Plan): string {
  let n = 0;
  return plan.map((windows, index) => {
    const open = `s${index + 1}[${windows.length + 2}]`;
    const settled = windows.map(({ slice }, k) => {
      n += 1;
      return `do
  local w, c, reserved = s${index + 1}[${k + 2}], math.floor(now / ${slice}), open[at + ${k * 2 + 2}]
  local difference, n = ARGV[${n + 1}] - open[at + ${k * 2 + 3}], #w
  if difference > 0 then
    w[1] = w[1] + difference
    if n > 1 and w[n - 1] >= c then w[n] = w[n] + difference else w[n + 1] = c w[n + 2] = difference end
  end
  for i = 2, n, 2 do
    if difference < 0 and w[i] == reserved then
      local back = math.min(w[i + 1], -difference)
      w[i + 1], w[1] = w[i + 1] - back, w[1] - back
    end
  end
end`;
    });
    return `if known[${index + 1}] then
local open, at, kept = ${open}, known[${index + 1}], {}
${settled.join('\n')}
for i = 1, #open do if i < at or i >= at + ${strideOf(windows)} then kept[#kept + 1] = open[i] end end
${open} = #kept > 0 and kept or nil
end`;
  }).join('\n');
}

/** A slice that has left is dropped at the next decision; a key that nobody asks for leaves with its longest window. */
function saveKey(windows: readonly Window[], index: number): string {
  const longestMs = Math.max(...windows.map(({ slice, span }) => slice * (span + 1)));
  return `redis.call('SET', KEYS[${index + 1}], cmsgpack.pack(s${index + 1}), 'PX', '${longestMs}')`;
}

function forWindows(plan: Plan, text: (window: Window, n: number, at: string) => string): string {
  const windows = plan.flatMap((ofKey, key) => ofKey.map((window, index) => ({ window, at: `s${key + 1}[${index + 2}]` })));
  return windows.map(({ window, at }, n) => text(window, n, at)).join('\n');
}

export function readAnswer(reply: readonly number[], costs: readonly number[]): Answer {
  const outcome = outcomes[reply[0] ?? 0] ?? 'late';
  const windows = reply.length < 3 ? [] : costs.map((cost, n): WindowAnswer => {
    const fits = reply[n * 3 + 2] === 1;
    const used = reply[n * 3 + 3] ?? 0;
    // what fits was counted in the answer before it was known that another window denies
    return { fits, used: fits && (outcome === 'denied' || outcome === 'looked') ? used - cost : used, resetMs: reply[n * 3 + 4] ?? 0 };
  });
  return { outcome, nowMs: reply[1] ?? 0, windows };
}
