import type { Speech } from '../language.ts';

const months = ['जनवरी', 'फ़रवरी', 'मार्च', 'अप्रैल', 'मई', 'जून', 'जुलाई', 'अगस्त', 'सितंबर', 'अक्टूबर', 'नवंबर', 'दिसंबर'];
const weekdays = ['सोमवार', 'मंगलवार', 'बुधवार', 'गुरुवार', 'शुक्रवार', 'शनिवार', 'रविवार'];

export const speech: Speech = {
  yes: 'हाँ',
  no: 'नहीं',
  months,
  weekdays,
  date: (weekday, day, month, year) => `${weekday} ${day} ${month} ${year}`,
  range: (start, end) => `${start} से ${end}`,
  list: (items) => joined(items, 'और'),
  choice: (items) => joined(items, 'या'),
  count: (number, thing) => (number === '1' ? number : `${number} ${thing}`),
  sentence: (text) => (/[।.!?]$/.test(text) ? text : `${text}।`),
  leftOut: (words) => `“${words}” को मैंने नहीं लिया।`,
  corrected: (from, to) => `“${from}” को मैंने “${to}” पढ़ा।`,
  doYouMean: (choice) => `क्या आपका मतलब ${choice} है?`,
  skipped: 'छोड़ दिया।',
  cannotSkip: 'आगे बढ़ने के लिए इसका जवाब ज़रूरी है।',
  options: (list) => `आप ${list} में से चुन सकते हैं।`,
  none: 'इनमें से कोई नहीं',
  preparing: 'यह आख़िरी सवाल था। आपका कॉन्फ़िगरेशन तैयार किया जा रहा है।',
  ready: 'आपका कॉन्फ़िगरेशन तैयार है और मंज़ूरी का इंतज़ार कर रहा है।',
  files: {
    rejected: 'वह फ़ाइल नहीं ली गई। कृपया दूसरी भेजें।',
    deleted: 'वह फ़ाइल हटा दी गई।',
    delayed: 'आपकी फ़ाइल सुरक्षित है। उसकी जाँच में सामान्य से ज़्यादा समय लग रहा है।',
    not_checked: 'आपकी फ़ाइल की जाँच नहीं हो सकी, इसलिए उसे कोई नहीं खोल सकता। कृपया दूसरी भेजें, या उसके बिना आगे बढ़ें।',
  },
};

function joined(items: readonly string[], word: string): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} ${word} ${items.at(-1) ?? ''}`;
}
