"""What makes an order look odd: the same room, phone or wallet; who invited whom."""
import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("orders", sa.Column("door_hash", sa.String()))
    op.add_column("orders", sa.Column("cleared_at", sa.DateTime(timezone=True)))
    op.add_column("payments", sa.Column("device_hash", sa.String()))
    op.add_column("people", sa.Column("invited_by_id", sa.BigInteger()))
    op.create_foreign_key("fk_people_invited_by_id_people", "people", "people",
                          ["invited_by_id"], ["id"])


def downgrade() -> None:
    op.drop_column("people", "invited_by_id")
    op.drop_column("payments", "device_hash")
    op.drop_column("orders", "cleared_at")
    op.drop_column("orders", "door_hash")
