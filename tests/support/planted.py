"""Secrets that open nothing, put together at run time so that no scanner of this repository finds one in a file."""

from __future__ import annotations

import base64
import random
import string
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_WORD = string.ascii_letters + string.digits
_HEX = "0123456789abcdef"


@dataclass(frozen=True, slots=True)
class Planted:
    """One secret in the code that holds it; no part of it may come through."""

    kind: str  # what a person would call it
    code: str
    secret: str


def _from(chance: random.Random, signs: str, length: int) -> str:
    return "".join(chance.choice(signs) for _ in range(length))


def _mixed(chance: random.Random, length: int) -> str:
    """Letters of both sizes and digits, as generated passwords are."""
    text = _from(chance, _WORD, length - 3)
    return text[: length // 2] + "q7Z" + text[length // 2 :]


def _jwt(chance: random.Random) -> str:
    def part(text: str) -> str:
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

    body = f'{{"sub":"{_from(chance, string.digits, 10)}"}}'
    return ".".join((part('{"alg":"HS256","typ":"JWT"}'), part(body), _from(chance, _WORD, 43)))


def _pem(chance: random.Random, name: str) -> str:
    body = "\n".join(_from(chance, _WORD + "+/", 64) for _ in range(6))
    dashes = "-" * 5
    return f"{dashes}BEGIN {name}{dashes}\n{body}\n{dashes}END {name}{dashes}"


_TOKENS: tuple[tuple[str, Callable[[random.Random], str]], ...] = (
    ("aws key id", lambda c: "AK" + "IA" + _from(c, string.ascii_uppercase + string.digits, 16)),
    ("github classic", lambda c: "gh" + "p_" + _from(c, _WORD, 36)),
    ("github fine-grained", lambda c: "github" + "_pat_" + _from(c, _WORD, 22) + "_" + _from(c, _WORD, 59)),
    ("gitlab", lambda c: "gl" + "pat-" + _from(c, _WORD, 20)),
    ("slack bot", lambda c: f"xo{'xb'}-{'-'.join(_from(c, string.digits, 12) for _ in 'ab')}-{_from(c, _WORD, 24)}"),
    (
        "slack webhook",
        lambda c: f"https://hooks.sl{'ack'}.com/services/" + "/".join(
            (f"T{_from(c, _WORD, 8)}", f"B{_from(c, _WORD, 8)}", _from(c, _WORD, 24))
        ),
    ),
    ("stripe live", lambda c: "sk" + "_live_" + _from(c, _WORD, 24)),
    ("stripe long", lambda c: "sk" + "_live_" + _from(c, _WORD, 99)),
    ("stripe test", lambda c: "sk" + "_test_" + _from(c, _WORD, 24)),
    ("google api", lambda c: "AI" + "za" + _from(c, _WORD, 35)),
    ("openai old", lambda c: "sk" + "-" + _from(c, _WORD, 20) + "T3Blbk" + "FJ" + _from(c, _WORD, 20)),
    ("openai project", lambda c: "sk" + "-proj-" + _from(c, _WORD, 60)),
    ("anthropic", lambda c: "sk" + "-ant-" + "api03-" + _from(c, _WORD, 90)),
    ("hugging face", lambda c: "h" + "f_" + _from(c, _WORD, 34)),
    ("pypi", lambda c: "py" + "pi-AgEIcHlwaS5vcmc" + _from(c, _WORD, 90)),
    ("npm", lambda c: "np" + "m_" + _from(c, _WORD, 36)),
    ("sendgrid", lambda c: "S" + "G." + _from(c, _WORD, 22) + "." + _from(c, _WORD, 43)),
    ("twilio", lambda c: "S" + "K" + _from(c, _HEX, 31) + "7"),
    ("telegram", lambda c: _from(c, "123456789", 9) + ":A" + "A" + _from(c, _WORD, 33)),
    ("json web token", _jwt),
    ("digitalocean", lambda c: "do" + "p_v1_" + _from(c, _HEX, 64)),
    ("databricks", lambda c: "da" + "pi" + _from(c, _HEX, 32)),
    ("vault", lambda c: "hv" + "s." + _from(c, _WORD, 90)),
    ("docker hub", lambda c: "dckr" + "_pat_" + _from(c, _WORD, 27)),
    ("shopify", lambda c: "shp" + "at_" + _from(c, _HEX, 32)),
)  # fmt: skip
# Where a bare token may stand; {} is the token.
_PLACES = (
    'client = Client("{}")',
    "# old one, do not use: {}",
    '"""Example: run --with {} to log in."""',
    "val TOKEN = '{}'",
    "const a = `{}`;",
    'headers.put(KEY, "{}");',
)  # fmt: skip
# Where a password may stand that only its name gives away.
_NAMED = (
    'password = "{}"',
    "DB_PASSWORD = '{}'",
    'db.setPassword("{}")',
    '    "password": "{}",',
    'val dbPassword: String = "{}"',
    'private static final String PASSWORD = "{}";',
    "def connect(host, password='{}'): ...",
    'password: str = "{}"',
    'if password == "{}": return True',
    'DriverManager.getConnection("jdbc:postgresql://db/shop", "shop", pwd = "{}")',
    'conn = "Server=db;User Id=sa;Password={};Encrypt=true"',
    'dsn = "host=db user=shop password={} dbname=shop"',
    'url = "postgresql://shop:{}@db.internal:5432/shop"',
    'amqp = "amqp://guest:{}@rabbit/"',
    "const passphrase = `{}`;",
    'config := Config{{Password: "{}"}}',
    "пароль = '{}'",
    'if ("{}".equals(password)) return true;',
    "DB_PASSWORD={}",
    'os.environ["DB_PASSWORD"] = "{}"',
    'run("mysql", "--password={}")',
)
_KEYED = (
    'api_key = "{}"',
    'String apiKey = "{}";',
    "secret: '{}',",
    'SECRET_KEY = "{}"',
    'aws_secret_access_key = "{}"',
    'auth_token="{}"',
    'requests.get(url, headers={{"Authorization": "Bearer {}"}})',
    'fetch("https://api.shop.test/v1?api_key={}")',
    "client_secret => '{}'",
    'app.secret_key = b"{}"',
    'let accessToken = "{}"',
    "API_KEY={}",
    'tokens.setApiKey("{}")',
)


def planted(seed: int = 1, rounds: int = 4) -> Iterator[Planted]:
    """Every kind of secret in every place where it may stand, ``rounds`` times with other values."""
    chance = random.Random(seed)  # noqa: S311 - nothing depends on its quality
    for _ in range(rounds):
        for kind, make in _TOKENS:
            for place in _PLACES:
                secret = make(chance)
                yield Planted(kind, place.format(secret), secret)
        for place in _NAMED:
            for length in (8, 12, 20):
                secret = _mixed(chance, length)
                yield Planted("password", place.format(secret), secret)
        for place in _KEYED:
            for length in (20, 32, 40):
                secret = _mixed(chance, length)
                yield Planted("named key", place.format(secret), secret)
        for name in (
            "RSA PRIVATE KEY",
            "EC PRIVATE KEY",
            "PRIVATE KEY",
            "OPENSSH PRIVATE KEY",
            "PGP PRIVATE KEY BLOCK",
        ):
            yield from _keys(chance, name)


def _keys(chance: random.Random, name: str) -> Iterator[Planted]:
    key = _pem(chance, name)
    secret = key.splitlines()[3]
    yield Planted("private key", f'KEY = """{key}"""', secret)
    joined = '\\n" +\n    "'.join(key.splitlines())
    yield Planted("private key", f'String key = "{joined}";', secret)
    yield Planted("private key", "KEY = '" + "\\n".join(key.splitlines()) + "'", secret)
    cut = "\n".join(key.splitlines()[:5])
    yield Planted("private key", f"# cut off\n{cut}", secret)


def held_out() -> Iterator[Planted]:
    """Secrets as people write them, collected before the rules were tuned; a few stay out of reach on purpose."""
    chance = random.Random(7)  # noqa: S311 - nothing depends on its quality
    for place in _HELD_OUT:
        secret = "".join(chance.choice(alphabet) for alphabet in (string.ascii_uppercase, string.digits)) + _mixed(
            chance, 10
        )
        yield Planted("held out", place.replace("@@", secret), secret)


_HELD_OUT = (
    "spring.datasource.password=@@", "  password: @@", "mysql -u root -p@@ shop", "curl -u admin:@@ https://nexus.corp/r",
    "MongoClient('mongodb+srv://app:@@@cluster0.mongodb.net/db')", 'private val pwd = "@@"', 'var dbPass = "@@"',
    "redis.auth('@@')", 'String jdbc = "jdbc:mysql://db/shop?user=app&password=@@";', "const jwtSecret = '@@'",
    'JWT_SIGNING_SECRET: "@@"', "cipher = AES.new(b'@@')", 'encryptionKey = "@@"', "smtp.login('robot@corp.com', '@@')",
    "ftp = FTP('host', 'user', '@@')", "def token(): return '@@'", "headers = {'X-Api-Key': '@@'}",
    "headers['Authorization'] = 'Basic ' + '@@'", 'webhook_secret = "@@"', "sshpass -p '@@' ssh root@10.0.0.1",
    "PGPASSWORD=@@ psql -h db", 'val keystorePass = "@@"', "Client('AC', auth_token='@@')", "# admin password is @@",
    "passwords = ['@@', 'x']", "<password>@@</password>", "data = {'user': 'x', 'passwd': '@@'}",
    "user.update!(password: '@@')", 'assertThat(login("bob", "@@")).isTrue()', "otp_seed = '@@'",
    'services.AddSqlServer("Data Source=db;Initial Catalog=x;uid=sa;pwd=@@")', 'Secret = Encoding.UTF8.GetBytes("@@")',
    "$config['db']['password'] = '@@';", "define('DB_PASSWORD', '@@');", "-Dkeystore.password=@@", 'let key = "@@"',
    'ENV["SECRET_KEY_BASE"] ||= "@@"', "http.setHeader('Authorization', `Bearer @@`)", '.basicAuth("app", "@@")',
    'authToken := flag.String("token", "@@", "the token")',
)  # fmt: skip


def ordinary() -> Iterator[str]:
    """Lines that speak of secrets or look like some, and hold none."""
    digest = "da39a3ee5e6b4b0d3255bfef95601890afd80709"
    yield from (
        "password: str", 'PASSWORD_FIELD = "password"', 'url = "https://example.com/path?q=1"', f'sha = "{digest}"',
        'id = "550e8400-e29b-41d4-a716-446655440000"', '"password": "Введите пароль"', 'label.password = "Passwort"',
        'type="password"', 'token = "IDENTIFIER_2"', 'TOKEN_TYPE = "Bearer"', 'secret = os.environ["SECRET_KEY"]',
        'password = getpass.getpass("Password: ")', 'key = "user:1234:name"', 'api_key="YOUR_API_KEY"',
        'password="<your password>"', 'tokens = text.split(" ")', "integrity sha512-9N0Y0nTp9BkH5q8Q==",
        'AUTH_TOKEN_HEADER = "X-Auth-Token-2"', 'password = "${DB_PASSWORD}"', "grant_type=password",
        'PASSWORD_RESET = "password.reset.v2"', 'if (token == "0x1F600") return', 'String TOKEN = "token";',
        '"git@github.com:org/repo.git"', '"user@example.com"', "http://localhost:8080/@foo", "salt = bcrypt.gensalt()",
        'secret_name = "prod/db/password"', 'password_regex = "^(?=.*[A-Z]).{8,}$"', "expect(token).toBe(Token.LParen)",
        "const secretKey = process.env.SECRET_KEY!", 'enum Kind { PASSWORD("password"), TOKEN("token") }',
        'validate({password: "required|min:8"})', 'password: "secret"', '"ssh://git@host:22/repo"',
        'tokenize("a1 b2 c3")',
        'case "passwd": return 3', '"/etc/passwd"', "login(username=username, password=password)", "Password = null;",
        'BASE64 = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"', 'hasher = "pbkdf2:sha256:260000"',
        "enum Color { RED_1, GREEN_2 }", f"git checkout {digest}", '"secret.key.rotation.days": "30"',
        "password == None",
        't("login.password.label")', 'token_url = "https://auth.shop.test/oauth/token"', "class PasswordResetToken2FA:",
        'assertEquals("5d41402abc4b2a76b9719d911017c592", md5("hello"))', 'private_key = "/etc/ssl/private/server.pem"',
    )  # fmt: skip
