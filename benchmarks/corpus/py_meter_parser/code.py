def parse_telegram(raw: bytes, *, strict: bool = True) -> list[Reading]:
    """Reads the values out of one meter telegram.

    A telegram is a header line, value lines such as ``1.8.0(004213.7*kWh)`` and a closing
    ``!XXXX`` line whose four hex digits are a CRC-16 of everything up to and including ``!``.
    """
    try:
        text = raw.decode("ascii")
    except UnicodeDecodeError as exc:
        raise TelegramError("telegram is not ASCII") from exc

    body, mark, tail = text.rpartition("!")
    if not mark:
        raise TelegramError("closing line is missing")
    if strict and crc16((body + mark).encode("ascii")) != int(tail.strip() or "0", 16):
        raise TelegramError("checksum mismatch")

    header, *lines = body.splitlines()
    if not header.startswith("/"):
        raise TelegramError(f"bad header: {header!r}")

    readings: list[Reading] = []
    for number, line in enumerate(lines, start=2):
        if not line.strip():
            continue
        match = VALUE_LINE.fullmatch(line.strip())
        if match is None:
            if strict:
                raise TelegramError(f"line {number}: cannot read {line!r}")
            continue
        readings.append(Reading(match["obis"], Decimal(match["value"]), match["unit"] or ""))
    return readings
