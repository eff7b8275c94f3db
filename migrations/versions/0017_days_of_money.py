"""Find a day's payments and refunds without reading all of them."""
import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

INDEXES = (("ix_payments_paid_at", "payments", "paid_at"),
           ("ix_refunds_ended_at", "refunds", "ended_at"))


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column in INDEXES:
            op.create_index(name, table, [column], postgresql_concurrently=True,
                            postgresql_where=sa.text(f"{column} IS NOT NULL"),
                            if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _ in INDEXES:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
