"""Invitations to pay somebody's order."""
import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "pay_invites",
        sa.Column("id", sa.BigInteger(), nullable=False),
        sa.Column("order_id", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("token", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["order_id"], ["orders.id"],
                                name="fk_pay_invites_order_id_orders"),
        sa.PrimaryKeyConstraint("id", name="pk_pay_invites"),
        sa.UniqueConstraint("order_id", "revision", name="uq_pay_invites_order_id_revision"),
        sa.UniqueConstraint("token", name="uq_pay_invites_token"),
    )


def downgrade() -> None:
    op.drop_table("pay_invites")
