class CarrierClient:
    """Asks the carrier's tracking service where parcels are."""

    RETRYABLE = frozenset({429, 502, 503, 504})

    def __init__(
        self,
        base_url: str,
        api_key: str,
        *,
        timeout: float = 5.0,
        max_attempts: int = 4,
        backoff: float = 0.25,
    ) -> None:
        if max_attempts < 1:
            raise ValueError("max_attempts must be at least 1")
        self._http = httpx.AsyncClient(
            base_url=base_url,
            timeout=timeout,
            headers={"X-Api-Key": api_key},
        )
        self._max_attempts = max_attempts
        self._backoff = backoff

    async def track(self, parcel_id: str) -> ParcelStatus:
        for attempt in range(1, self._max_attempts + 1):
            try:
                response = await self._http.get(f"/v2/parcels/{parcel_id}")
            except httpx.TransportError:
                if attempt == self._max_attempts:
                    raise
            else:
                if response.status_code == 404:
                    raise ParcelUnknown(parcel_id)
                if response.status_code not in self.RETRYABLE or attempt == self._max_attempts:
                    response.raise_for_status()
                    return ParcelStatus.from_json(response.json())
            await asyncio.sleep(self._backoff * 2 ** (attempt - 1))
        raise AssertionError("unreachable")

    async def aclose(self) -> None:
        await self._http.aclose()
