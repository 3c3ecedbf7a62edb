"""The natural languages that texts can be asked for without prompts of their own: code and English name of each.

They are those that the guard can tell apart. A model may be asked for any of them by prompts of another language; for
a code that stands not here nobody could say in the prompt what is wanted, nor see whether the answer is in it.
"""

from __future__ import annotations

_LISTED = """
af Afrikaans, ar Arabic, az Azerbaijani, be Belarusian, bg Bulgarian, bn Bengali, bs Bosnian, ca Catalan, cs Czech,
cy Welsh, da Danish, de German, el Greek, en English, eo Esperanto, es Spanish, et Estonian, eu Basque, fa Persian,
fi Finnish, fr French, ga Irish, gu Gujarati, he Hebrew, hi Hindi, hr Croatian, hu Hungarian, hy Armenian,
id Indonesian, is Icelandic, it Italian, ja Japanese, ka Georgian, kk Kazakh, ko Korean, la Latin, lg Ganda,
lt Lithuanian, lv Latvian, mi Maori, mk Macedonian, mn Mongolian, mr Marathi, ms Malay, nb Bokmal, nl Dutch,
nn Nynorsk, no Norwegian, pa Punjabi, pl Polish, pt Portuguese, ro Romanian, ru Russian, sk Slovak, sl Slovene,
sn Shona, so Somali, sq Albanian, sr Serbian, st Sotho, sv Swedish, sw Swahili, ta Tamil, te Telugu, th Thai,
tl Tagalog, tn Tswana, tr Turkish, ts Tsonga, uk Ukrainian, ur Urdu, vi Vietnamese, xh Xhosa, yo Yoruba, zh Chinese,
zu Zulu
"""

ENGLISH_NAMES = dict(entry.split() for entry in _LISTED.replace("\n", " ").split(", "))
