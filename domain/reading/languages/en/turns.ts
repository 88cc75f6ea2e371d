/** English words that answer in place of a value: yes and no, not knowing, skipping, asking, correcting. */
import { means, type Entry } from '../../meaning.ts';

export const turns: readonly Entry[] = [
  means('yes, y, yeah, yea, yep, yup, yess, yesss, true, aye, affirmative, yes please, ✅, ✔', 'yes'),
  means(
    `
      sure, ok, okay, k, fine, of course, ofcourse, please do, please do so, certainly, absolutely, definitely, sounds good,
      go ahead, go for it, do it, alright, all right, correct, right, indeed, by all means, for sure, good idea, great, perfect,
      cool, agreed, i agree, with pleasure, please go ahead, yes of course, sure thing, 👍, 👌, 💯`,
    'agree',
  ),
  means(
    `
      no, n, nope, nah, false, nay, negative, no way, of course not, certainly not, definitely not, absolutely not, not at all,
      no need, not needed, not necessary, not required, no thanks, no thank you, no thankyou, no thx, no please, please dont,
      please do not, nooo, noo, 👎, ❌`,
    'no',
  ),
  means(
    `
      dont know, i dont know, do not know, i do not know, dont know yet, do not know yet, dunno, i dunno, idk, no idea,
      i have no idea, have no idea, no clue, i have no clue, not sure, im not sure, i am not sure, not sure yet, not so sure,
      not really sure, unsure, cant say, can not say, cannot say, hard to say, difficult to say, havent decided, have not decided,
      not decided, not decided yet, undecided, havent decided yet, not fixed, not fixed yet, to be decided, to be confirmed, tbd,
      tbc, tba, unknown, who knows, beats me, dont remember, cant remember, i forgot, need to check, have to check, let me check,
      i will check, ill check, i dont know yet, i do not know yet, no idea yet, no clue yet, dont know as yet, no information,
      no info, not known, not known yet, not certain, im not certain, wish i knew, god knows, no data, could not say,
      not decided as yet, 🤷`,
    'dontKnow',
  ),
  means(
    `
      skip, skip it, skip this, skip that, skip this one, skip this question, skip the question, skip question, pass, next,
      next question, next one, later, not now, maybe later, do it later, do this later, ask me later, ask later, some other time,
      another time, leave it, leave it blank, leave it out, leave blank, leave it empty, leave this, leave this blank, blank, empty,
      never mind, nevermind, nvm, n/a, na, not applicable, move on, go on, prefer not to say, rather not say, rather not,
      id rather not, id rather not say, i would rather not, ignore, ignore this, ignore it, drop it, forget it, come back later,
      not right now, i will tell you later, ill tell you later, will tell you later, tell you later, will do later,
      to be added later, will add later, pass on this, i pass, lets move on, will give it later`,
    'skip',
  ),
  means(
    `
      none, nothing, nobody, no one, none of them, none of these, none of those, none of the above, not any, nil, no thanks,
      no thank you, dont have one, do not have one, i dont have one, we dont have one, i do not have one, we do not have one,
      dont have any, do not have any, i dont have any, we dont have any, havent got one, have none, not yet, nothing yet, none yet,
      nothing at all, not one, nothing there, nothing is there, there is nothing, there is none, nothing works`,
    'none',
  ),
  means(`
    all, all of them, everything, all of these, all of those, all of the above, all the above, each of them, every one of them,
    all options`, 'all'),
  means(
    `
      why do you ask, why are you asking, why do you need it, why do you need this, why do you need to know, why do you want to know,
      why do you want it, why ask, what for, what is it for, what is this for, what, whats, what is, what does, what do, what are,
      what if, what happens, what about, why, whys that, how, hows that, how so, how come, which, which one, explain, explain that,
      tell me, tell me more, tell me about, mean, means, meaning, help, help me, is it, is this, is that, are they, are we, does,
      do you, do i, do we, did you, have you, can you, could you, would you, should i, should we, will you, difference, define,
      definition, describe, clarify, more info, more information, example, give me an example, options, dont understand,
      do not understand, didnt understand, did not understand, dont get it, do not get it, not clear, unclear, confused, im confused,
      repeat, say again, come again, pardon, huh, eh, wtf, sorry what, what the, who, whose, whom, where, elaborate, please explain,
      not understood, lost, im lost, i am lost, suggest, recommend, advise, you decide, you tell me, your choice, up to you,
      as you like, whatever you think`,
    'question',
  ),
  means(
    `
      wait, hold on, actually, i mean, i meant, i meant to say, oops, ooops, whoops, correction, scratch that, strike that,
      make that, make it, change that to, change it to, change to, change that, change it, or rather, rather, my mistake, my bad,
      typo, on second thought, on second thoughts, instead, in fact, let me correct, let me correct that, correct that to,
      correct it to, thats wrong, that is wrong, wrong, i was wrong`,
    'correction',
  ),
  means('sorry, so sorry, oh sorry, im sorry, i am sorry, apologies, my apologies, excuse me', 'apology'),
];
