def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '5s'")
    op.rename_table("consumption", "consumption_old")
    op.execute(
        """
        CREATE TABLE consumption (
            meter_id   bigint      NOT NULL REFERENCES meter (id),
            taken_at   timestamptz NOT NULL,
            kwh        numeric(12, 3) NOT NULL CHECK (kwh >= 0),
            estimated  boolean     NOT NULL DEFAULT false,
            PRIMARY KEY (meter_id, taken_at)
        ) PARTITION BY RANGE (taken_at)
        """
    )
    for year in range(2022, 2027):
        op.execute(
            f"""
            CREATE TABLE consumption_{year} PARTITION OF consumption
            FOR VALUES FROM ('{year}-01-01 00:00+00') TO ('{year + 1}-01-01 00:00+00')
            """
        )
    op.execute("CREATE TABLE consumption_rest PARTITION OF consumption DEFAULT")
    op.execute(
        """
        INSERT INTO consumption (meter_id, taken_at, kwh, estimated)
        SELECT DISTINCT ON (meter_id, taken_at) meter_id, taken_at, kwh, coalesce(estimated, false)
        FROM consumption_old
        WHERE kwh >= 0
        ORDER BY meter_id, taken_at, imported_at DESC
        """
    )
    op.execute("CREATE INDEX ix_consumption_taken_at ON consumption USING brin (taken_at)")


def downgrade() -> None:
    op.drop_table("consumption")
    op.rename_table("consumption_old", "consumption")
