"""Secrets that detect-secrets misses, as rules: newer vendors' tokens, whole private keys, addresses with passwords,
and passwords that are assigned to a name. Each was added because a planted one came through without it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from daemon.safety.plausible import is_secret_value, is_strong_value
from daemon.safety.rule import Rule

# Prefixes that vendors gave their tokens so that they can be found, and that detect-secrets 1.5 does not know yet.
_VENDORS: Sequence[tuple[str, str, tuple[str, ...]]] = (
    ("github-token", r"github_pat_[A-Za-z0-9_]{22,}", ("github_pat_",)),
    ("google-key", r"AIza[0-9A-Za-z_\-]{35}", ("aiza",)),
    ("google-key", r"GOCSPX-[0-9A-Za-z_\-]{20,}|ya29\.[0-9A-Za-z_\-]{20,}", ("gocspx-", "ya29.")),
    ("anthropic-key", r"sk-ant-[A-Za-z0-9_\-]{20,}", ("sk-ant-",)),
    ("openai-key", r"sk-(?:proj|svcacct|admin|or-v1)-[A-Za-z0-9_\-]{20,}|sk-[A-Za-z0-9]{40,}", ("sk-",)),
    ("huggingface-token", r"hf_[A-Za-z0-9]{30,}", ("hf_",)),
    ("npm-token", r"npm_[A-Za-z0-9]{36}", ("npm_",)),
    ("stripe-key", r"(?:[rs]k_test_|whsec_)[0-9A-Za-z]{20,}", ("k_test_", "whsec_")),
    (
        "slack-token",
        r"xapp-\d-[A-Za-z0-9\-]{20,}|xox[ecd]-[A-Za-z0-9\-.]{20,}|xox[bp]-[A-Za-z0-9\-]{24,}",
        ("xapp-", "xox"),
    ),
    ("digitalocean-token", r"do[opr]_v1_[a-f0-9]{64}", ("_v1_",)),
    ("databricks-token", r"dapi[a-f0-9]{32}", ("dapi",)),
    ("shopify-token", r"shp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}", ("shp",)),
    ("vault-token", r"hv[sbr]\.[A-Za-z0-9_\-]{24,}", ("hvs.", "hvb.", "hvr.")),
    ("docker-token", r"dckr_pat_[A-Za-z0-9_\-]{20,}", ("dckr_pat_",)),
    ("atlassian-token", r"ATATT3[A-Za-z0-9_\-=]{40,}", ("atatt3",)),
    ("grafana-token", r"glsa_[A-Za-z0-9]{32}_[a-fA-F0-9]{8}", ("glsa_",)),
    ("linear-key", r"lin_api_[A-Za-z0-9]{32,}", ("lin_api_",)),
    ("postman-key", r"PMAK-[a-f0-9]{24}-[a-f0-9]{34}", ("pmak-",)),
    ("yandex-token", r"AQVN[A-Za-z0-9_\-]{35,}|y0_[A-Za-z0-9_\-]{50,}", ("aqvn", "y0_")),
    ("age-key", r"AGE-SECRET-KEY-1[A-Z0-9]{50,}", ("age-secret-key-1",)),
)

# From head to foot, so that no line of it is left: the library marks the head alone. What stands between has to hold a
# run of base64, for code that only looks for the two lines is no key. A key whose foot is cut off ends with its run.
_KEY_HEAD = r"-----BEGIN (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_KEY_FOOT = r"-----END (?:[A-Z0-9]+ ){0,3}PRIVATE KEY(?: BLOCK)?-----"
_PRIVATE_KEY = re.compile(
    rf"{_KEY_HEAD}(?:(?!-----)[\s\S]){{0,400}}?[A-Za-z0-9+/=]{{24,}}"
    rf"(?:(?:(?!-----)[\s\S]){{0,16000}}?{_KEY_FOOT}|(?:[\s\"'+,\\n]{{1,40}}[A-Za-z0-9+/=]{{24,}})*)"
)
_PUTTY_KEY = re.compile(r"PuTTY-User-Key-File-[23]:[\s\S]{0,3000}?Private-MAC:[ \t]*[0-9a-f]+")

# user:password@ in an address of any scheme; the library's pattern gives up at signs that passwords have.
_IN_URL = re.compile(
    r"\b[a-z][a-z0-9+.\-]{1,20}://[^\s:/@\"'<>`]{0,80}:(?P<value>[^\s@/\"'<>`]{2,200})@(?=[\w\[{$%])", re.IGNORECASE
)
_IN_QUERY = re.compile(
    r"[?&](?:access_token|api_?key|apikey|auth|key|token|secret|sig|signature|password)=(?P<value>[A-Za-z0-9._~%+/\-]{16,})",
    re.IGNORECASE,
)
_IN_HEADER = re.compile(
    r"\b(?:authorization|proxy-authorization)\b[\"'\])]{0,3}\s{0,3}[:=,]?\s{0,3}[\"'`]?\s{0,3}"
    r"(?:bearer|basic|token|apikey)\s+(?:[\"']\s?\+\s?[\"'])?(?P<value>[A-Za-z0-9._~+/=\-]{12,})",
    re.IGNORECASE,
)
_BEARER = re.compile(
    r"[\"'`](?:bearer|basic)\s+(?:[\"']\s?\+\s?[\"'])?(?P<value>[A-Za-z0-9._~+/=\-]{16,})",
    re.IGNORECASE,
)

# The last word of a name says what the name holds: `db_password` holds one, `password_field` does not.
_STRONG = (
    r"passwords?|passwd|(?:db|database|store|key|user|admin|root|my|ssh|ftp|smtp|mail)_?pass|passphrase|passcode|pwd|psw"
    r"|contrase\u00f1a|contrasena|\u043f\u0430\u0440\u043e\u043b\u044c"
)
_WEAK = (
    r"secret|secrets|client_?secret|secret_?key|api[_-]?key|access_?key|access_?token|auth_?token|auth_?key|token"
    r"|private_?key|encryption_?key|signing_?key|master_?key|account_?key|service_?key|session_?key|shared_?key|app_?key|license_?key|otp_?(?:seed|key)"
    r"|credentials?|bearer|salt|pepper"
)
_SUFFIX = (
    r"(?:_?(?:value|str|string|text|plain|raw|b64|base64|hex|default|prod|production|dev|test|staging|live|\d{1,2}))?"
)
_TYPED = r"(?:\s{0,3}:\s{0,3}[A-Za-z_][\w.<>\[\]| ?*&]{0,40}?(?=\s{0,3}=))?"  # password: str = "..."
# A comma counts where the name was quoted itself: ("PASSWORD", "..."), but not f(password, "rot13").
_BETWEEN = r"[\"'`\])]{0,3}" + _TYPED + r"\s{0,3}(?:===?|!==?|:=|=>|\|\|=|\?\?=|=|:|(?<=[\"'`]),|\()\s{0,8}"
_QUOTED = (
    r"(?:[A-Za-z]{1,2}|@|&)?(?P<quote>\"\"\"|'''|[\"'`])(?P<value>(?:\\.|(?!(?P=quote))[^\r\n\\]){4,400})(?P=quote)"
)


def _assigned(names: str) -> re.Pattern[str]:
    # The name may go on to the left (dbPassword, DB_PASSWORD), never to the right (passwordField).
    return re.compile(rf"(?:{names}){_SUFFIX}(?![A-Za-z0-9_\u0400-\u04ff]){_BETWEEN}{_QUOTED}", re.IGNORECASE)


# The value first: "..." == password, "...".equals(password).
_COMPARED = re.compile(
    r"(?P<quote>[\"'`])(?P<value>[^\s\"'`]{4,200})(?P=quote)\s{0,3}(?:===?|!==?|\.equals\()\s{0,3}"
    rf"(?:[A-Za-z_][\w.]{{0,60}}?)?(?:{_STRONG})\b",
    re.IGNORECASE,
)
# Connection strings: `Password=...;` of ADO and JDBC, `password=... dbname=` of libpq. In code, an unquoted value after
# the sign is an expression; a semicolon, or a word=word before it, says that this is a string of settings.
_IN_SETTINGS = re.compile(
    r"(?:[;\"'?&]|\b\w{2,20}=[^\s,;\"'()]{1,80}[ ])\s{0,3}(?:password|pwd|accountkey|sharedaccesskey)="
    r"(?P<value>[^;\s\"'&,(){}]{4,200})(?=[;\"'& ]|$)",
    re.IGNORECASE | re.MULTILINE,
)
# .env, .properties, YAML and command lines that stand in a source as text: one setting on a line of its own.
_ON_A_LINE = re.compile(
    r"^[ \t]*(?:export[ \t]+|-[ \t]+|[#*/]{1,3}[ \t]*)?[A-Za-z0-9_.\-]{0,60}"
    r"(?:password|passwd|pwd|secret|token|api[_\-]?key|access[_\-]?key)"
    r"[ \t]{0,3}[=:][ \t]{0,3}(?P<value>[A-Za-z0-9+/_\-!@#$%^&*~=]{8,200})[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_ON_COMMAND = re.compile(
    r"(?:--password|--passwd|--token|--api-key|--secret)[ =][\"']?(?P<value>[^\s\"'`<>${}()\[\],]{6,200})"
    r"|\bcurl\b[^\n]{0,200}?\s(?:-u|--user)[ =]?[\"']?[^\s:\"']{1,60}:(?P<second>[^\s\"'`]{4,200})"
    r"|\bsshpass\s+-p\s?[\"']?(?P<third>[^\s\"'`]{4,200})"
    r"|\bmysql\w*\b[^\n]{0,200}?\s-p(?P<fourth>[^\s\"'`\-]{4,200})"
    r"|\b(?:PG|MYSQL_|REDIS_|REDISCLI_)?(?:PASSWORD|PWD|AUTH)=[\"']?(?P<fifth>[^\s\"'`,;()]{4,200})(?=[\"']?[ ]+[a-z])"
)
# <password>...</password> of XML; "the password is ..." of comments.
_IN_XML = re.compile(
    r"<(?P<tag>(?:\w+[.:\-])*(?:password|passwd|secret|token|api-?key))>(?P<value>[^<>\s]{4,200})</(?P=tag)>",
    re.IGNORECASE,
)
_IN_WORDS = re.compile(
    r"\b(?:password|passphrase|passwd|\u043f\u0430\u0440\u043e\u043b\u044c|contrase\u00f1a)"
    r"(?:[ ]+(?:is|was|=|\u2014|-|es)[ ]+|[ ]*:[ ]*)[\"'`]?(?P<value>[^\s\"'`,;()<>]{6,60}?)(?=[.,;)]?(?:[\"'`\s]|$))",
    re.IGNORECASE,
)
# The last argument of a call that takes a name and a password; keys of AWS have 40 signs.
_IN_LOGIN = re.compile(
    r"\b(?:login|log_in|logIn|sign_?in|authenticate|auth|[bB]asic_?[aA]uth|HTTPBasicAuth|FTP|[A-Za-z]{0,20}Credentials?)"
    r"\((?:[^()\n\"'`]{0,80}(?:(?P<quote>[\"'`])[^\"'`\n]{0,80}(?P=quote))?[^()\n\"'`]{0,20},[ ]?)?"
    r"(?P<last>[\"'`])(?P<value>[^\s\"'`]{6,200})(?P=last)\s{0,3}\)"
)

_STRONG_HINTS = ("pass", "pwd", "psw", "contrase", "\u043f\u0430\u0440\u043e\u043b\u044c")
_COMMAND_HINTS = ("--", "curl", "sshpass", "mysql", "password=", "pwd=", "auth=")
_LOGIN_HINTS = ("login", "log_in", "sign", "auth", "ftp(", "credential")
_WEAK_HINTS = ("secret", "key", "token", "credential", "bearer", "salt", "pepper", "otp")


def _value(match: re.Match[str]) -> str:
    return str(match.group("value") or next(filter(None, match.groups()), ""))


def _likely(match: re.Match[str]) -> bool:
    return is_secret_value(_value(match))


def _surely(match: re.Match[str]) -> bool:
    return is_strong_value(_value(match))


def own_shapes() -> tuple[Rule, ...]:
    """All rules of this file, the surest first."""
    return (
        Rule(kind="private-key", pattern=_PRIVATE_KEY, hints=("private key",), token=False),
        Rule(kind="private-key", pattern=_PUTTY_KEY, hints=("putty-user-key",), token=False),
        *(Rule(kind=kind, pattern=re.compile(pattern), hints=hints) for kind, pattern, hints in _VENDORS),
        Rule(kind="url-password", pattern=_IN_URL, hints=("://",), accept=_likely, token=False),
        Rule(kind="url-token", pattern=_IN_QUERY, hints=("=",), accept=_surely, token=False),
        Rule(kind="auth-header", pattern=_IN_HEADER, hints=("authorization",), accept=_surely, token=False),
        Rule(kind="auth-header", pattern=_BEARER, hints=("bearer", "basic"), accept=_surely, token=False),
        Rule(kind="password", pattern=_IN_SETTINGS, hints=("password=", "pwd=", "key="), accept=_likely, token=False),
        Rule(kind="password", pattern=_assigned(_STRONG), hints=_STRONG_HINTS, accept=_likely, token=False),
        Rule(kind="password", pattern=_COMPARED, hints=_STRONG_HINTS, accept=_likely, token=False),
        Rule(kind="secret", pattern=_assigned(_WEAK), hints=_WEAK_HINTS, accept=_surely, token=False),
        Rule(kind="secret", pattern=_ON_A_LINE, hints=(*_STRONG_HINTS, *_WEAK_HINTS), accept=_surely, token=False),
        Rule(kind="password", pattern=_ON_COMMAND, hints=_COMMAND_HINTS, accept=_likely, token=False),
        Rule(kind="password", pattern=_IN_XML, hints=("</",), accept=_likely, token=False),
        Rule(kind="password", pattern=_IN_WORDS, hints=_STRONG_HINTS, accept=_surely, token=False),
        Rule(kind="password", pattern=_IN_LOGIN, hints=_LOGIN_HINTS, accept=_surely, token=False),
    )
