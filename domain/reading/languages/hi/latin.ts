/**
 * Hindi words in Latin letters whose sound does not lead to them: short forms of quick typing, and words that English has too. In a
 * session in Hindi these spellings are Hindi: "do" is two. One word a line, then its spellings.
 */
export const latin = `
  एक: ik
  दो: do
  तीन: tin
  पाँच: pach paach
  छह: che chhe chah chhah cheh chhai chey
  दस: dus
  ग्यारह: gyaarah gyarah gyara
  बारह: bara baara
  तेरह: tera
  चौदह: choda chauda
  पंद्रह: pandra pandrah pandhra pandara
  सोलह: sola
  सत्रह: satra satara
  अठारह: athara attharah
  डेढ़: dedh derh ded
  ढाई: dhai dhaai
  साढ़े: sadhe saadhe sade saade sarhe
  लाख: lakh lac lakhs
  करोड़: crore karod
  लोग: logo
  परसों: parso parson parsu parsoon
  हफ़्ते: hafte haftay hapte
  हफ़्ता: hafta
  सुबह: subha subeh suba subaha
  दोपहर: dopeher dopher dopehar duphar
  बजे: bje baj
  इस: is
  इसी: isi
  है: hai h he hei hay
  हैं: hain hen
  का: kaa
  तो: toh
  भाई: bhai bhaai
  में: me mein mai
  से: se
  और: aur
  कर: kr
  करो: kro karo
  करना: krna
  चाहिए: chahiye chaiye chahie chaahiye chahye chaie
  नहीं: nahi nahin nhi nai nahee nahii
  ना: na naa
  हाँ: haan han haa ha hn hanh haanji hanji
  ठीक: thik theek tik teek
  ज़रूर: zaroor jarur jaroor zarur
  ज़रूरत: zarurat jarurat jaroorat zaroorat
  पता: pta
  मालूम: malum maloom
  छोड़: chhod chod chhor
  छोड़ो: chhodo chodo chhoro
  क्या: kya
  किया: kiya kia
  क्यों: kyu kyun kyon kyo
  कौन: kaun kon
  मतलब: mtlb
  समझ: smjh samaj
  शायद: shyad shayad sayad
  बहुत: bahot bohot bohat bhot
  काफ़ी: kafi kaafi
  अच्छा: acha accha achha achcha
  अरे: are arey arre
  ज़्यादा: zyada jyada jada zada ziada jyaada
  कम: kam kum
  तुरंत: turant turrant
  बाड़: baadh
  पचहत्तर: pachhattar pachattar pichattar pichhattar
  छिहत्तर: chhihattar chihattar
  रोज़: roz roj
  कुछ: kuchh kuch kch
  पर: par pe
  यार: yaar yr
  हम: hum ham
  हमें: humein hamein hame humen
  दीजिए: dijiye dijie
  नौ: nau
  बाद: baad bad
  मेरे: mere
  सारे: sare saare
  सारी: saari sari
  सब: sab
  सत्तर: sattar satar
  बहत्तर: bahattar bahatar behattar
  साठ: saath sath
  काम: kaam
  था: tha
  तथा: tatha
  वह: wo woh vo
  मई: mayi
  जाने: jane jaane
  अंदाज़े: andaze
  कृपया: kripya kripaya
  उच्च: uchch uch ucch uccha
  औद्योगिक: audyogik
`;
