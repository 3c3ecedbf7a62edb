"""${message}"""

from __future__ import annotations

from alembic import op

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = ${repr(branch_labels)}
depends_on = ${repr(depends_on)}


def upgrade() -> None:
    """${message}"""
    ${upgrades if upgrades else "raise RuntimeError('write this migration')"}


def downgrade() -> None:
    """Undo it."""
    ${downgrades if downgrades else "raise RuntimeError('write this migration')"}
