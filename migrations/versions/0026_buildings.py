"""Find what was paid for in one building on one day."""
import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.create_index("ix_orders_place_id_paid_at", "orders", ["place_id", "paid_at"],
                        postgresql_where=sa.text("paid_at IS NOT NULL"),
                        postgresql_concurrently=True, if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        op.drop_index("ix_orders_place_id_paid_at", "orders", postgresql_concurrently=True,
                      if_exists=True)
