"""The tokens that detect-secrets knows, as rules on strings; the only module that imports it.

Its regular expressions are used and nothing else of it: no files, no baseline, no `verify`, which would send what it
found to the vendor. Of its 27 plugins these are left out, each for a reason:

- high entropy (base64, hex): hashes, fixtures and identifiers in tests are what it mostly finds;
- keyword: looks at one match per line and takes any quoted text, so that labels and field names fall to it;
- basic auth and private key: find less than half of a password with signs in it, and the head line of a key alone:
  ``shapes.py`` has both in whole;
- public IP addresses and IBM's four: an address is no secret, and the four need their vendor's own variable names,
  which ``shapes.py`` finds among all others.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import cast

from detect_secrets.plugins.artifactory import ArtifactoryDetector
from detect_secrets.plugins.aws import AWSKeyDetector
from detect_secrets.plugins.azure_storage_key import AzureStorageKeyDetector
from detect_secrets.plugins.base import RegexBasedDetector
from detect_secrets.plugins.discord import DiscordBotTokenDetector
from detect_secrets.plugins.github_token import GitHubTokenDetector
from detect_secrets.plugins.gitlab_token import GitLabTokenDetector
from detect_secrets.plugins.jwt import JwtTokenDetector
from detect_secrets.plugins.mailchimp import MailchimpDetector
from detect_secrets.plugins.npm import NpmDetector
from detect_secrets.plugins.openai import OpenAIDetector
from detect_secrets.plugins.pypi_token import PypiTokenDetector
from detect_secrets.plugins.sendgrid import SendGridDetector
from detect_secrets.plugins.slack import SlackDetector
from detect_secrets.plugins.square_oauth import SquareOAuthDetector
from detect_secrets.plugins.stripe import StripeDetector
from detect_secrets.plugins.telegram_token import TelegramBotTokenDetector
from detect_secrets.plugins.twilio import TwilioKeyDetector

from daemon.safety.rule import Accept, Rule


def _is_jwt(match: re.Match[str]) -> bool:
    return bool(JwtTokenDetector.is_formally_valid(match.group().rstrip(".")))


def _has_digit(match: re.Match[str]) -> bool:
    # Artifactory's patterns begin with AKC or AP and take words in capitals otherwise.
    return any(sign.isdigit() for sign in match.group())


_PLUGINS: Sequence[tuple[str, type[RegexBasedDetector], tuple[str, ...], Accept | None]] = (
    ("aws-key", AWSKeyDetector, ("akia", "asia", "abia", "acca", "a3t", "aws"), None),
    ("azure-key", AzureStorageKeyDetector, ("accountkey=",), None),
    ("github-token", GitHubTokenDetector, ("ghp_", "gho_", "ghu_", "ghs_", "ghr_"), None),
    ("gitlab-token", GitLabTokenDetector, ("gl", "gr1348941"), None),
    ("jwt", JwtTokenDetector, ("eyj",), _is_jwt),
    ("mailchimp-key", MailchimpDetector, ("-us",), None),
    ("npm-token", NpmDetector, (":_authtoken",), None),
    ("openai-key", OpenAIDetector, ("t3blbkfj",), None),
    ("pypi-token", PypiTokenDetector, ("pypi-ag",), None),
    ("sendgrid-key", SendGridDetector, ("sg.",), None),
    ("slack-token", SlackDetector, ("xox", "hooks.slack.com"), None),
    ("square-key", SquareOAuthDetector, ("sq0csp-",), None),
    ("stripe-key", StripeDetector, ("k_live_",), None),
    ("twilio-key", TwilioKeyDetector, ("ac", "sk"), _has_digit),
    ("telegram-token", TelegramBotTokenDetector, (":aa",), None),
    ("discord-token", DiscordBotTokenDetector, (".",), None),
    ("artifactory-token", ArtifactoryDetector, ("akc", "ap"), _has_digit),
)


def known_tokens() -> tuple[Rule, ...]:
    """One rule per regular expression of the plugins in use."""
    return tuple(
        Rule(kind=kind, pattern=pattern, hints=hints, accept=accept)
        for kind, plugin, hints, accept in _PLUGINS
        # a property in their base class, a list in each of them
        for pattern in cast(Sequence[re.Pattern[str]], plugin.denylist)
    )
