"""Pre-orders: how many meals a shop can have ready in one quarter-hour."""
import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("shops", sa.Column("slot_cap", sa.BigInteger(), nullable=False,
                                     server_default="20"))
    op.alter_column("shops", "slot_cap", server_default=None)
    with op.get_context().autocommit_block():
        op.create_index("ix_orders_shop_id_wanted_at", "orders", ["shop_id", "wanted_at"],
                        postgresql_where=sa.text("wanted_at IS NOT NULL"),
                        postgresql_concurrently=True)


def downgrade() -> None:
    op.drop_index("ix_orders_shop_id_wanted_at", table_name="orders")
    op.drop_column("shops", "slot_cap")
