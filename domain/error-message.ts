/** What a person is told about an error: by its category, never from the exception. */
import type { ErrorCategory } from './error-category.ts';

export interface PersonMessage {
  readonly title: string;
  /** What happened, and what it means for their answers. */
  readonly message: string;
  /** What they can do now. */
  readonly action: string;
  /** What helps when that does not. */
  readonly help: string;
}

type Language = 'en' | 'hi';

const messages: Readonly<Record<Language, Readonly<Record<ErrorCategory, PersonMessage>>>> = {
  en: {
    database: {
      title: 'We cannot save this right now', message: 'Our storage does not answer at the moment. The answers you have given are kept.',
      action: 'Wait a minute and try again.', help: 'If it lasts longer than ten minutes, tell your administrator.',
    },
    network: {
      title: 'The connection was interrupted', message: 'Something on the way did not answer in time. The answers you have given are kept.',
      action: 'Check your connection and try again.', help: 'If your connection works and this comes back, tell your administrator.',
    },
    llm_api: {
      title: 'Our assistant needs a moment', message: 'The assistant that prepares suggestions does not answer right now. We keep trying.',
      action: 'You can leave this page and come back later.',
      help: 'If nothing has changed after half an hour, ask your administrator to take over.',
    },
    validation: {
      title: 'Something in this entry does not fit', message: 'We could not use what was entered.',
      action: 'Check the entry and send it again.', help: 'The hint beside the question shows an example.',
    },
    authorization: {
      title: 'This is not allowed', message: 'The permission that this step needs is missing.',
      action: 'Sign in again, or ask somebody who may do it.', help: 'Your administrator can give the permission.',
    },
    state_transition: {
      title: 'This step is not possible now', message: 'Things have moved on since this page was opened.',
      action: 'Reload the page and go on from there.', help: 'If the page still does not fit, start again from your list of sessions.',
    },
    data_integrity: {
      title: 'We stopped to protect your data', message: 'Some information does not fit together, so nothing was changed.',
      action: 'Please do not enter it again.', help: 'Tell your administrator: a person has to look at it.',
    },
    cache: {
      title: 'This takes a little longer', message: 'A part that makes things faster is missing right now. Nothing is lost.',
      action: 'Go on as usual.', help: 'If pages stay slow, tell your administrator.',
    },
    external_api: {
      title: 'Another system does not answer', message: 'A system that we work with cannot be used right now. We keep trying.',
      action: 'Come back in a few minutes.', help: 'If it lasts, tell your administrator which step you were at.',
    },
  },
  hi: {
    database: {
      title: 'अभी सहेजा नहीं जा सका', message: 'हमारा डेटा भंडार इस समय जवाब नहीं दे रहा है। आपके दिए हुए उत्तर सुरक्षित हैं।',
      action: 'एक मिनट रुककर फिर से कोशिश करें।', help: 'अगर दस मिनट बाद भी ऐसा ही रहे, तो अपने व्यवस्थापक को बताएँ।',
    },
    network: {
      title: 'कनेक्शन टूट गया', message: 'रास्ते में किसी हिस्से ने समय पर जवाब नहीं दिया। आपके दिए हुए उत्तर सुरक्षित हैं।',
      action: 'अपना इंटरनेट कनेक्शन देखकर फिर से कोशिश करें।', help: 'अगर कनेक्शन ठीक है और फिर भी ऐसा हो, तो अपने व्यवस्थापक को बताएँ।',
    },
    llm_api: {
      title: 'हमारे सहायक को थोड़ा समय चाहिए', message: 'सुझाव तैयार करने वाला सहायक अभी जवाब नहीं दे रहा है। हम कोशिश जारी रखे हुए हैं।',
      action: 'आप यह पेज छोड़कर बाद में लौट सकते हैं।', help: 'अगर आधे घंटे बाद भी कुछ न बदले, तो अपने व्यवस्थापक से मदद माँगें।',
    },
    validation: {
      title: 'इस जानकारी में कुछ ठीक नहीं है', message: 'जो लिखा गया, उसका उपयोग नहीं हो सका।',
      action: 'जानकारी जाँचकर फिर से भेजें।', help: 'सवाल के पास दिया संकेत एक उदाहरण दिखाता है।',
    },
    authorization: {
      title: 'इसकी अनुमति नहीं है', message: 'इस चरण के लिए ज़रूरी अनुमति नहीं मिली।',
      action: 'फिर से साइन इन करें, या किसी ऐसे व्यक्ति से कहें जिसे अनुमति है।', help: 'आपके व्यवस्थापक अनुमति दे सकते हैं।',
    },
    state_transition: {
      title: 'यह चरण अभी संभव नहीं है', message: 'यह पेज खुलने के बाद स्थिति बदल चुकी है।',
      action: 'पेज फिर से खोलें और वहीं से आगे बढ़ें।', help: 'अगर फिर भी ठीक न लगे, तो अपने सत्रों की सूची से दोबारा शुरू करें।',
    },
    data_integrity: {
      title: 'आपके डेटा की सुरक्षा के लिए हम रुक गए', message: 'कुछ जानकारी आपस में मेल नहीं खाती, इसलिए कुछ भी बदला नहीं गया।',
      action: 'कृपया इसे दोबारा न भेजें।', help: 'अपने व्यवस्थापक को बताएँ: किसी व्यक्ति को इसे देखना होगा।',
    },
    cache: {
      title: 'इसमें थोड़ा अधिक समय लग रहा है', message: 'काम तेज़ करने वाला एक हिस्सा अभी उपलब्ध नहीं है। कुछ भी खोया नहीं है।',
      action: 'हमेशा की तरह आगे बढ़ें।', help: 'अगर पेज धीमे ही रहें, तो अपने व्यवस्थापक को बताएँ।',
    },
    external_api: {
      title: 'दूसरा सिस्टम जवाब नहीं दे रहा है',
      message: 'जिस सिस्टम के साथ हम काम करते हैं, वह अभी उपलब्ध नहीं है। हम कोशिश जारी रखे हुए हैं।',
      action: 'कुछ मिनट बाद फिर आएँ।', help: 'अगर ऐसा ही रहे, तो अपने व्यवस्थापक को बताएँ कि आप किस चरण पर थे।',
    },
  },
};

/** `language`: a tag in any case; a region falls back to its language, every other language to English. */
export function messageFor(category: ErrorCategory, language: string): PersonMessage {
  return messages[/^hi(?:-|$)/i.test(language) ? 'hi' : 'en'][category];
}
