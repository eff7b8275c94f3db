"""Links by which an order is watched on its way."""
import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tracking_links",
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"],
                                name="fk_tracking_links_order_id_orders"),
        sa.PrimaryKeyConstraint("order_id", name="pk_tracking_links"),
        sa.UniqueConstraint("token", name="uq_tracking_links_token"),
    )


def downgrade() -> None:
    op.drop_table("tracking_links")
