/** Which codes name a language: ISO 639-1, -2, -3 and -5. */

const TWO_LETTERS =
  'aaabaeafakamanarasavayazbabebgbhbibmbnbobrbscacechcocrcscucvcydadedvdzeeeleneoeseteufafffi' +
  'fjfofrfygagdglgngugvhahehihohrhthuhyhziaidieigiiikioisitiujajvkakgkikjkkklkmknkokrkskukvkw' +
  'kylalblglilnloltlulvmgmhmimkmlmnmrmsmtmynanbndnengnlnnnonrnvnyocojomorospapiplpsptqurmrnro' +
  'rurwsascsdsesgshsiskslsmsnsosqsrssstsusvswtatetgthtitktltntotrtstttwtyugukuruzvevivowawoxh' +
  'yiyozazhzu'

/** One bit a code of three letters, from aaa to zzz, the lowest bit of a byte first. */
const THREE_LETTERS = Buffer.from(
  '/+3//v//v9v7//7a9x88V2+Xe/j/9/9wvwP//8sFhVL5//3/////9/////////fj6f///028Cn7//3/////3///v/9' +
    '9v9PHwXeefFAcg3/0ffskh+P//3///f///f/////////////d/7///7/+/z////b//7f////6/////79////v//3f/' +
    '///+///////3///13//////////+///f///f+f//7v///////z+9/cWtb0DvnMFDLAwlQQBQRADA///+n7RCRdaTJI' +
    'j3e+cXVlV5Dhw3f/Pv/+9dOGUIAAD8/7////9/Nz7Hh8//AYEAsAWAAAAAAANQAECSIdD9d//e/l4EAAJkjRnB33sj' +
    'AAAA323OIuXZ8/5//8+dFEEEhgDRAPDHZ1/WmV637e8DAAIAAADAV1pHkmkBLtZ7dN//fwAAAAEEVgMAALAUB1EUGg' +
    'ABAAAQEUkAAGAQAAAAEAAARAQAEIAFGAAABQCAKAQAABDVLRBkFyRTtdW/480DAIAAQBAAAAAABBc5Ad3XmSGYpwAA' +
    'BUCCAAABBAAAAAIBQABEAACw/u85AAIAAAAEAAAAAAAgAEAEAAAAAgAAABCjqgUAAAAABCAEpggEAAiBUAAACDGGQA' +
    'AAAABAQAf1QxAIBAAAAOC7sxMAgAARAAAAAAAAAAAAAAAA///f7//fz4OiwP/fJ+9f5wMQILDFgEUlmwPfud8D0EiQ' +
    'AQ7Bt5Nc2zjzf/9t+f//fwQIAAEhEnzf/Q+FT0QAAAT//9/W6Bv0N6MNAAAge3kCB4QA8P///wAYBYEAAACAELQcIQ' +
    'AAAAAAEEAABAi0/qcMQAAAkSQEbABg8P//f/YYBZ/fbgMAEQAAAEAFNb6CKAQABFHi//8/BQkIBUAAAAAAEAEADAAA' +
    'AAAhAmzjSRSJIMBHkAcAAADMUEAkhUeEQCAQACECUIgRANHs71Q1DQFpDn3rMwgAIAVAEQAAAFBElknW3afBR5f7AB' +
    'AACACAAEBFAAECAAFAgAACCPjr1zvEnRYAAAwEASAg2aIBAAAAEkQAAAQQ8J2VEwSAAAHQFkAAEPCQYkzSAgFKAEYE' +
    'gAgCACDAAIAGAAgAAAAA8NjvFQIIAAABAAAAABABABAAAAD///9///////9////2////////P/f/3////////3////' +
    '7//////////////f/f3//3/9///////777//////9/////////7///7//r/fv/////9d//v/+/3d//vJgFLP8H8Pv/' +
    'fwAIAMN9GwbmcvDv/39EIjCfex79/1by/z7f8g6V9///R4ABAgAgQFWfip/5bhGHUfj3/3dAAQXRWFwAQAAQBAIAIA' +
    'qA//////7////////v/7//f/////////ff//f//997/////////f+////7///f333///f///f/////////f////3/f' +
    '/7/vt/9/3//n////9/72f///f/////f/X/9/n/7///9//38CggT/v///1+////f/4p7n//f/dn3F////////3v+/fw' +
    '+nUQbEl9Bdr6b//f9jXUv///8/IBQAV1HCZfUN8v//30IFxQUAIgB0aRAYBUEAAQYAAAAAAFFgBQQBAAAGESAAGAWS' +
    '8f1nawaVBkft+02de4MEYkAAFUIAAABUx/lfEM7JRt/3ExEAIAAAAJAAAAAAAAoQAAFAAPDff799vk//v0AUhGGw/3' +
    '16BAIASS0UJv/t8a/vPwAAAsfgHvy//b379/z3///0/e9D9HcQAQFEf/+33flfBYbv9Tf9HQAAAENxQgBAAAABQxkg' +
    'CAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAP' +
    '+951fuE10JwUAh+hcBgAAAAADw/v+/ACMAIAAACAAAMLXjEAAAABEkFgABAjCCowFQAAGDEUgAAADw39+/EqoQ//hS' +
    'AIAgAAAAAEAQAgI8ABBCEGFf3zEAAAABXAIgAAABAEIBIAAA/3//////L9/ez737r///f0tAEPF96/33///7//9v8X' +
    'vxP/9/////9///9/3f//3//1f/b4F3n/z3///////+/19XZ+9fUBBy//+fFZ8VD33GfaGS9f//f//////93f//vfbf' +
    '/z9AmAK/7//n9v58/v9/0D4Ve7j/vv//9v/393P//+7/99f97y+Av8X////f///////9//9/Bh93//nbXc99Frnqe6' +
    'AeIAAwAgQkSAQAAEDUBgQAAAQABAAwCQZQAAgAQAAkAAQAENx4100PFE/xFmTVSAoAAgBAAAgAAAD8/+sfWEhBJKAE' +
    'ABASQCIAEAAAAAAAAAEAAAiAEBC/b5MAAQAAAAAAAADAgC8AAAAAAAAKAAAAwIfCAgAAAAH+GAIAEvD/eT8AJQAACA' +
    'oAAAAAAABAABADAAkgAAABAACDAAAAAAEAAAAAAAAAAAAAAAD////Pfr4REAAAkgFGzfleAAEAMBQEURABBPY/MgUE' +
    'ALCAIFV1n33fccx41UP112cUAQAAAAAACPfbH1RgA2gFEIs4ugEAADAAJEQAABACMQIBAADw9f+X17xQ1nh6FVAFpI' +
    'TpQQAAAGs5UnRA6SCQYpIAAAJ/7/9/hVP07///8t3HTPVC/P//HwCAwFaMFp/7N33v/7WkrwFEGAFdTkoIUCgw4IAQ' +
    'ICQA////T/4BBogKQBYBABULPgEAABCQaUUCAgHpv78CAAAQ1KfRVJ5E3v2HZrFVINSj2DA9gAAAAEzwEcWEb1AAIl' +
    'B/v8sHACAQhLJFEAZEAAASAhEA8P/9fwUCFokAAAAIABAMAgAAAACDMAIshAEzwAMkAAAAy+Q6RsgU8f//fxYBAYRQ' +
    'B/z//w8BAEAQOAEBHBJA4XYWiAMQAAAAAQAAAAAAIiQKQIAAAA==',
  'base64',
)

/** Whether a primary subtag in lower case is one that somebody has given to a language. */
export function namesLanguage(code: string): boolean {
  if (/^[a-z]{2}$/u.test(code)) {
    return TWO_LETTERS.match(/../gu)?.includes(code) === true
  }
  if (!/^[a-z]{3}$/u.test(code)) {
    return false
  }
  const index = Array.from(code, (letter) => letter.charCodeAt(0) - 97).reduce(
    (sum, letter) => sum * 26 + letter,
    0,
  )
  return (((THREE_LETTERS[index >> 3] ?? 0) >> (index & 7)) & 1) === 1
}
