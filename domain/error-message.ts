/**
 * What a person is told while a step of their session waits for an operator: by the category of its error, never from the exception.
 * Nothing is being tried then and nothing they could do would help, so neither is said.
 */
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
type Happened = Pick<PersonMessage, 'title' | 'message'>;

/** The same whatever has happened. */
const ahead: Readonly<Record<Language, Pick<PersonMessage, 'action' | 'help'>>> = {
  en: {
    action: 'You need not do anything: this now waits for our support team. You can leave this page and come back later.',
    help: 'If nothing has changed after half an hour, tell your administrator.',
  },
  hi: {
    action: 'आपको कुछ करने की ज़रूरत नहीं है: अब यह हमारी सहायता टीम के पास है। आप यह पेज छोड़कर बाद में लौट सकते हैं।',
    help: 'अगर आधे घंटे बाद भी कुछ न बदले, तो अपने व्यवस्थापक को बताएँ।',
  },
};

const happened: Readonly<Record<Language, Readonly<Record<ErrorCategory, Happened>>>> = {
  en: {
    database: {
      title: 'We could not save this yet', message: 'Our storage did not answer. The answers you have given are kept.',
    },
    network: {
      title: 'The connection was interrupted',
      message: 'Something on our side did not answer in time. The answers you have given are kept.',
    },
    llm_api: {
      title: 'Our assistant needs a moment',
      message: 'The assistant that prepares suggestions did not answer. The answers you have given are kept.',
    },
    validation: {
      title: 'Something here does not fit', message: 'We could not use a part of what was entered. The answers you have given are kept.',
    },
    authorization: {
      title: 'A permission is missing', message: 'We were not allowed to take the next step. The answers you have given are kept.',
    },
    state_transition: {
      title: 'This step was not possible', message: 'Things had moved on before we came to it. The answers you have given are kept.',
    },
    data_integrity: {
      title: 'We stopped to protect your data', message: 'Some information does not fit together, so nothing was changed.',
    },
    cache: {
      title: 'This takes a little longer', message: 'A part that makes things faster is missing right now. Nothing is lost.',
    },
    external_api: {
      title: 'Another system did not answer', message: 'A system that we work with could not be used. The answers you have given are kept.',
    },
  },
  hi: {
    database: {
      title: 'अभी सहेजा नहीं जा सका', message: 'हमारे डेटा भंडार ने जवाब नहीं दिया। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    network: {
      title: 'कनेक्शन टूट गया', message: 'हमारी ओर किसी हिस्से ने समय पर जवाब नहीं दिया। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    llm_api: {
      title: 'हमारे सहायक को थोड़ा समय चाहिए', message: 'सुझाव तैयार करने वाले सहायक ने जवाब नहीं दिया। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    validation: {
      title: 'इस जानकारी में कुछ ठीक नहीं है',
      message: 'जो लिखा गया, उसके एक हिस्से का उपयोग नहीं हो सका। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    authorization: {
      title: 'एक अनुमति नहीं मिली', message: 'हमें अगला चरण करने की अनुमति नहीं थी। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    state_transition: {
      title: 'यह चरण संभव नहीं था', message: 'इस तक पहुँचने से पहले स्थिति बदल चुकी थी। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
    data_integrity: {
      title: 'आपके डेटा की सुरक्षा के लिए हम रुक गए', message: 'कुछ जानकारी आपस में मेल नहीं खाती, इसलिए कुछ भी बदला नहीं गया।',
    },
    cache: {
      title: 'इसमें थोड़ा अधिक समय लग रहा है', message: 'काम तेज़ करने वाला एक हिस्सा अभी उपलब्ध नहीं है। कुछ भी खोया नहीं है।',
    },
    external_api: {
      title: 'दूसरे सिस्टम ने जवाब नहीं दिया',
      message: 'जिस सिस्टम के साथ हम काम करते हैं, वह उपलब्ध नहीं था। आपके दिए हुए उत्तर सुरक्षित हैं।',
    },
  },
};

/** `language`: a tag in any case; a region falls back to its language, every other language to English. */
export function messageFor(category: ErrorCategory, language: string): PersonMessage {
  const spoken = /^hi(?:-|$)/i.test(language) ? 'hi' : 'en';
  return { ...happened[spoken][category], ...ahead[spoken] };
}
