"""Packing and the rush are told apart in an order's price; a student may have a budget."""
import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True)


def upgrade() -> None:
    for name in ("packing_fen", "rush_fen"):
        op.add_column("orders", sa.Column(name, sa.BigInteger(), nullable=False,
                                          server_default="0"))
    for name in ("rush_at", "rush_until"):
        op.add_column("orders", sa.Column(name, MOMENT))
    op.add_column("people", sa.Column("weekly_budget_fen", sa.BigInteger()))


def downgrade() -> None:
    op.drop_column("people", "weekly_budget_fen")
    for name in ("rush_until", "rush_at", "rush_fen", "packing_fen"):
        op.drop_column("orders", name)
