"""Declarative base: naming convention of constraints, identity keys, timestamps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from sqlalchemy import BigInteger, DateTime, Identity, MetaData, Text, func
from sqlalchemy.orm import DeclarativeBase, mapped_column

identity = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
moment_now = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


class Base(DeclarativeBase):
    """All tables of Doctown."""

    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )
    type_annotation_map = {str: Text}  # noqa: RUF012 - SQLAlchemy reads this class attribute by name
