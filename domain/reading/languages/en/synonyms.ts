/** What people say for an option when they do not use its own words. Each line is one thing; a line that fits two options says neither. */
export const synonyms: readonly string[] = [
  `
    immediately, immediate, right now, right away, now, asap, as soon as possible, at once, straight away, straightaway, urgently,
    urgent, today itself, instantly, without delay, this minute, very urgent, very soon, at the earliest, immediatly, imediately`,
  'this week, in this week, within this week, within the week, this week itself, in the current week, current week',
  'this month, in this month, within this month, within the month, this month itself, in the current month, current month',
  `
    planned for a later date, planned, scheduled, scheduled for later, later, later on, at a later date, for a later date,
    later date, in the future, no rush, no hurry, not urgent, there is no rush, there is no hurry, no urgency`,
  'office, workplace, corporate office, ofis, offce',
  'retail store, shop, store, outlet, showroom, retail shop, retail outlet, boutique, supermarket, stores',
  'warehouse, godown, godam, godaam, storehouse, ware house, warehousing',
  'bank branch, bank, branch of a bank, branch of the bank, branch of bank, a branch of a bank',
  `
    industrial site, factory, plant, manufacturing unit, manufacturing plant, industry, mill, factory site, industrial,
    industrial unit, industrial plant, industrial area`,
  'basic, basic one, the basic one, lowest, simplest, minimal',
  'standard, the standard one, standerd, standart',
  'high, highest, the high one, strongest, strictest',
  'low, small, minor, little, minimal, lowest',
  'medium, moderate, average, middle, in between, mid, so so, so-so, okayish',
  'cameras, camera, cctv, cctvs, cctv camera, cctv cameras, cam, cams, security cameras, security camera, video cameras, video camera',
  `
    outdoor lights, outdoor light, lights, light, lamps, lamp, outside lights, lighting, floodlights, flood lights, outdoor lighting,
    outdoor lamps`,
  'fence, fences, fencing',
  'alarm, alarms, alarm system, siren, burglar alarm',
];
