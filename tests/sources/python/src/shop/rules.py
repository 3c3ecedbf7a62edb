def check_limit(count: int, limit: int) -> None:
    """Refuse what is too much."""
    if count >= limit:
        raise ValueError(count)
