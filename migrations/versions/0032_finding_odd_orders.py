"""Find orders of the same door, payments of the same wallet or phone, without reading all."""
import sqlalchemy as sa
from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

INDEXES = (
    ("ix_orders_door_hash", "orders", "door_hash", "door_hash IS NOT NULL AND paid_at IS NOT NULL"),
    ("ix_payments_payer_id", "payments", "payer_id", None),
    ("ix_payments_device_hash", "payments", "device_hash", "device_hash IS NOT NULL"),
)


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, column, where in INDEXES:
            op.create_index(name, table, [column], postgresql_concurrently=True,
                            postgresql_where=sa.text(where) if where else None,
                            if_not_exists=True)


def downgrade() -> None:
    with op.get_context().autocommit_block():
        for name, table, _, _ in INDEXES:
            op.drop_index(name, table, postgresql_concurrently=True, if_exists=True)
