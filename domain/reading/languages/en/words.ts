/** English words that stand around a value or in its place. A word is a filler only when it changes no value that it can stand beside. */
import { means, type Entry } from '../../meaning.ts';

export const words: readonly Entry[] = [
  means('a, an', 'article'),
  means(
    `
      number of, no of, nos, id like to, i would like to, i want to, we want to, we would like to, it, its, is, are, be, i am, im,
      will, would, shall, should be, going to be, gonna be, we, i, our, my, us, you, they, there, theres, here, have, has, got, that,
      thats, this is, this will be, the, of, for, on, at, as, do it, do, does it, say, lets say, let us say, let it be, use, put,
      put it, put down, write, enter, set, set it to, go with, lets go with, i would go with, id go with, choose, pick, select, take,
      ill take, i will take, i would say, id say, answer, total, in total, in all, altogether, one, ones, type, kind of place, level,
      mode, category, can we, can i, may i, could we, could i, lets, let us, also, as well, all in all, opening hours, working hours,
      business hours, office hours, operating hours, working time, timing, timings, hours of operation, email, e mail, mail,
      email id, mail id, email address, address, mailto, contact, write to, reach, reach us at, reach me at, send it to, mail us at,
      date, radius, distance, away, you can, the time is, time is`,
    'filler',
  ),
  means(
    `
      please, pls, plz, plss, kindly, thanks, thank you, thank u, thankyou, thx, tnx, thanks a lot, thank you so much,
      thank you very much, many thanks, sir, madam, maam, hi, hello, hey, good morning, good afternoon, good evening, cheers,
      regards, bro, dude, mate, buddy, boss, friend, dear, lol, haha, hahaha, hehe, ha ha, xd,
      🙏, 🙂, 😀, 😊, 😄, 😅, 😂, 😉, 👋, 😁, 🤣, 😃, 😆`,
    'polite',
  ),
  means(
    `
      ok, okay, k, well, so, um, umm, uh, hmm, hm, er, erm, right, alright, i think, i believe, in my opinion, to be honest, tbh,
      honestly, obviously, clearly, currently, at the moment, right, look, listen, you know, oh, ah, fine, great, good question,
      as i said, like i said`,
    'opener',
  ),
  means('only, just, exactly, precisely, strictly, simply, merely', 'only'),
  means(
    `
      about, around, approx, approximately, apprx, aprox, approximate, roughly, nearly, almost, circa, ca, or so, or thereabouts,
      ish, give or take, close to, somewhere around, in the region of, more or less, estimated, at a guess, ballpark, ~, ≈`,
    'approx',
  ),
  means('very, extremely, quite, pretty, really, fairly, super, incredibly, truly, very very', 'intensifier'),
  means(`
    need, needs, want, wants, would like, id like, prefer, require, requires, i need it, we need it, looking for, wanna,
    should have`, 'wish'),
  means('and, &, +, as well as, plus also', 'and'),
  means('in', 'in'),
  means('from, starting, starting from, beginning', 'from'),
  means(`
    by, within, during, sometime, some time, sometime in, any time, anytime, by the end of, before the end of, by end of, end of,
    at the end of, in the course of, latest, at the latest`, 'deadline'),
  means(`
    every day, everyday, each day, daily, all days, on all days, a day, per day, 7 days a week, seven days a week, seven days,
    7 days, all week, all seven days, on every day, throughout the week`, 'every'),
  means('coming, upcoming, will be done, will happen, will have', 'future'),
  means(
    `
      not, dont, do not, doesnt, does not, isnt, is not, arent, are not, wasnt, werent, wont, will not, wouldnt, would not, cant,
      can not, cannot, couldnt, could not, shouldnt, should not, mustnt, neednt, havent, have not, hasnt, hadnt, didnt, did not,
      aint, never, neither, nor, without, except, except for, excluding, besides, hardly, barely, scarcely, rarely, seldom,
      instead of, rather than, other than, anything but, anyone but, nothing but, apart from, aside from, far from, nowhere near,
      avoid, cancel, refuse, against, non`,
    'negation',
  ),
  means('or, either, versus, vs, or maybe, or else, alternatively', 'or'),
  means(`
    but, however, though, although, if, only if, when, whenever, unless, depends, it depends, depending on, provided, as long as,
    in case, even if, assuming, suppose`, 'but'),
  means(
    `
      less than, more than, fewer than, lower than, higher than, greater than, bigger than, smaller than, better than, worse than,
      than, over, under, above, below, beyond, exceeding, at least, atleast, at most, atmost, minimum, maximum, min, max, up to,
      upto, no more than, not more than, no less than, not less than, no fewer than, no later than, not later than, not before,
      not after, before, since, or more, or less, or fewer, or above, or below, and above, and up, and more, and counting, plus,
      onwards, at minimum, at maximum, half of, part of, outside, less, more, higher, lower, bigger, smaller`,
    'bound',
  ),
  means('after', 'after'),
  means(
    `
      maybe, may be, perhaps, kind of, sort of, kinda, sorta, something like, possibly, probably, might, might be, could be, can be,
      i guess, i suppose, presumably, likely, most likely, hopefully, i hope, somewhere between, supposedly, apparently, tentatively,
      tentative, more like`,
    'hedge',
  ),
  means(`
    was, were, used to, used to be, has been, have been, had, had been, formerly, previously, in the past, once was, did, done`, 'past'),
  means('closed, shut, we are closed, closed from', 'closed'),
  means('opens, open, opening, start, starts, begin, begins, opens at, we open, we start', 'opens'),
  means('close, closes, closing, end, ends, finish, finishes, shuts, we close, we finish, we end', 'closes'),
  means(
    `
      no problem, no problems, no worries, no doubt, no preference, no matter, no comment, no answer, why not, no longer, no harm,
      no objection, no objections, no kidding, no one, y/n, yes/no, no/yes, yes or no, same, same as before, not bad, as before,
      the usual, either way, both, is it yes, no rush with that`,
    'idiom',
  ),
];
