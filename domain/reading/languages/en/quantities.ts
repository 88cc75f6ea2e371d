/** English numbers, units, days and hours. */
import { countedFrom, means, type Entry } from '../../meaning.ts';

export const quantities: readonly Entry[] = [
  ...countedFrom(
    0, 'whole',
    'zero _ _ _ _ _ _ _ _ _ ten eleven twelve/twelv thirteen fourteen/fourten fifteen/fiveteen sixteen seventeen eighteen/eigteen ' +
    'nineteen/ninteen',
  ),
  ...countedFrom(1, 'unit', 'one two three/thre four five six seven eight/eigth nine'),
  ['twenty, twentie', { is: 'tens', value: 20 }],
  ['thirty, thirdy', { is: 'tens', value: 30 }],
  ['forty, fourty', { is: 'tens', value: 40 }],
  ['fifty, fivety', { is: 'tens', value: 50 }],
  ['sixty', { is: 'tens', value: 60 }],
  ['seventy', { is: 'tens', value: 70 }],
  ['eighty, eigthy, eighy', { is: 'tens', value: 80 }],
  ['ninety, ninty', { is: 'tens', value: 90 }],
  ['dozen', { is: 'scale', value: 12 }],
  ['hundred, hundered, hundread', { is: 'scale', value: 100 }],
  ['thousand, thousend, grand', { is: 'scale', value: 1_000 }],
  ['lakh, lac, lacs, lakhs', { is: 'scales', value: 100_000 }],
  ['million', { is: 'scales', value: 1_000_000 }],
  ['crore, crores', { is: 'scales', value: 10_000_000 }],
  ['billion', { is: 'scales', value: 1_000_000_000 }],
  ['dozens', { is: 'scales', value: 12 }],
  ['hundreds', { is: 'scales', value: 100 }],
  ['thousands', { is: 'scales', value: 1_000 }],
  ['millions, mn, mio', { is: 'scales', value: 1_000_000 }], ['k', { is: 'suffix', value: 1_000 }],
  ['half', { is: 'share', value: 0.5 }], ['quarter', { is: 'share', value: 0.25 }],
  means('minus, negative', 'minus'),
  ...countedFrom(
    1, 'ordinal',
    'first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth fifteenth sixteenth ' +
    'seventeenth eighteenth nineteenth twentieth',
  ),
  ['thirtieth', { is: 'ordinal', value: 30 }], ['last, final', { is: 'ordinal', value: -1 }],
  means('st, nd, rd, th', 'ordinalSuffix'),
  means('option, choice, number, nr, item', 'optionWord'),

  [`
    people, persons, person, users, user, employees, employee, staff, workers, worker, members, men, women, man, heads, headcount,
    colleagues, ppl, folks, souls, humans`, { is: 'measure', value: 'people' }],
  ['metres, metre, meters, meter, m, mtr, mtrs, mts, mt', { is: 'measure', value: 'metre' }],
  [`
    km, kms, kilometre, kilometres, kilometer, kilometers, cm, cms, mm, centimetres, centimeters, feet, foot, ft, yards, yard, yds,
    yd, inch, inches, mile, miles`, { is: 'measure', value: 'length' }],
  ['percent, hours, hour, years, year, rupees, rs, inr, usd, dollars', { is: 'measure', value: 'other' }],
  means('minutes, minute, mins', 'minutes'),

  ...countedFrom(1, 'month',
    'january february march april may june july august september october november december',
    'jan feb mar apr _ jun jul aug sep/sept oct nov dec',
    'januray febuary _ _ _ _ _ _ septembar/setember octobar novembar decembar/decmber'),
  ...countedFrom(
    0, 'weekday', 'monday tuesday wednesday thursday friday saturday sunday', 'mon tue/tues wed thu/thur/thurs fri sat sun',
    'mondays tuesdays wednesdays thursdays fridays saturdays sundays', '_ _ wensday/wednessday thrusday _ _ _',
  ),
  ['day, days, days time', { is: 'period', value: 1 }],
  ['week, weeks, weeks time', { is: 'period', value: 7 }],
  ['fortnight', { is: 'period', value: 14 }],
  ['today, tonight, todays date', { is: 'days', value: [0] }],
  ['tomorrow, tmrw, tmr, tomorow, tommorow, tommorrow, tom, 2morrow, 2moro', { is: 'days', value: [1] }],
  ['day after tomorrow, the day after tomorrow, overmorrow', { is: 'days', value: [2] }], ['yesterday', { is: 'days', value: [-1] }],
  ['day before yesterday, the day before yesterday', { is: 'days', value: [-2] }],
  means('this', 'this'), means('next, following', 'next'),
  means('from now, from today, hence, later, time', 'ahead'), means('ago, back', 'ago'),

  ['morning, in the morning, mornings', { is: 'part', value: 'morning' }],
  ['afternoon, in the afternoon', { is: 'part', value: 'afternoon' }],
  ['evening, in the evening, evenings', { is: 'part', value: 'evening' }],
  ['night, at night, in the night, nights', { is: 'part', value: 'night' }],
  means('am, a, in the am', 'am'), means('pm, p', 'pm'), means('noon, midday, 12 noon', 'noon'), means('midnight, 12 midnight', 'midnight'),
  means('oclock, o clock, hrs, hr, h', 'oclock'),
  means('past', 'pastHour'),
  means('to, through, thru, →, ➡', 'to'),
  means('till, until, til, upto, up to', 'till'),
  means('between', 'between'),
  means('weekdays, on weekdays, weekends, on weekends, working days, on working days, business days', 'dayGroup'),
  means(
    `
      24/7, 24x7, 24×7, 24 x 7, 24 hours, 24 hours a day, 24 hrs, 24hrs, round the clock, around the clock, whole day, the whole day,
      all day, all day long, all day and night, day and night, 24 hours 7 days a week, 00:00 to 24:00, 00:00-24:00, 0:00 to 24:00,
      always open, open always, open 24 hours, open all day, open 24/7, non stop, nonstop`,
    'wholeDay',
  ),
];
