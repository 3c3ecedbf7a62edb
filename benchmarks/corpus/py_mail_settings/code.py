@dataclass(frozen=True, slots=True)
class MailSettings:
    """How outgoing mail is sent."""

    host: str
    port: int = 587
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    use_tls: bool = True
    sender: str = "no-reply@example.org"
    batch_size: int = 50
    reply_to: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not 1 <= self.port <= 65535:
            raise ValueError(f"port out of range: {self.port}")
        if self.batch_size < 1:
            raise ValueError("batch_size must be positive")
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password belong together")

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        return cls(
            host=env["MAIL_HOST"],
            port=int(env.get("MAIL_PORT", "587")),
            username=env.get("MAIL_USER"),
            password=env.get("MAIL_PASSWORD"),
            use_tls=env.get("MAIL_TLS", "yes").lower() in {"1", "yes", "true"},
            sender=env.get("MAIL_FROM", "no-reply@example.org"),
            batch_size=int(env.get("MAIL_BATCH", "50")),
            reply_to=tuple(a.strip() for a in env.get("MAIL_REPLY_TO", "").split(",") if a.strip()),
        )

    @property
    def needs_login(self) -> bool:
        return self.username is not None
